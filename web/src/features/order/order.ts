export const ORDER = { path: '/v2/salesorder', key: 'salesOrderNo' };

export const pathOf = (no: string) => `${ORDER.path}/${encodeURIComponent(no)}`;

/** How the state of payment looks. */
export const look = (state: string, late: boolean) => (late ? 'bad' : state === 'paid' ? 'good' : state === 'partly' ? 'info' : '');

/** A line of an order, as far as handing over is concerned. */
export interface OrderLine {
  productCode: string;
  productName: string;
  productUnitName: string | null;
  qty: number;
  deliveredQty: number;
  returnedQty: number;
}

/** What is still to be handed over of a line, or can be taken back. */
export const left = (line: OrderLine, back: boolean) => (back ? line.deliveredQty - line.returnedQty : line.qty - line.deliveredQty);

export interface TaxDocument {
  taxDocumentNo: string;
  taxDocumentType: string;
  title: string;
  titleEn: string;
  issueDate: string;
  grandTotal: number;
  currencyCode: string;
  cancelledByNo: string | null;
  cancelsNo: string | null;
}
