import { assert, inPage, until } from '../harness.mjs';

/** A new order of the demo's customer daisy: two of a product that is in stock. */
async function order(one, tag) {
  const body = { salesOrderSubject: `น้ำปั่น ${tag}`, salesOrderDate: '2026-01-05', salesOrderStatus: 2, customerCode: 'daisy', staffCode: 'Admin01', vatCalculation: true, salesOrderDetails: [{ productCode: '10001', qty: 2, price: 100, vatTaxValue: 7 }] };
  const made = await inPage(one, 'POST', '/v2/salesorder', body);
  assert(made.status < 300, `an order: ${JSON.stringify(made.body)}`);
  return made.body.data.salesOrderNo;
}
const read = async (one, path) => (await inPage(one, 'GET', path)).body.data;
const focusMain = (page) => page.evaluate(() => document.querySelector('main').focus());

export default [
  {
    name: 'an order is paid and handed over by keyboard, gets its papers, and something comes back',
    async run({ person, tag }) {
      const one = await person();
      const { page } = one;
      await one.go('/orders');
      await page.waitForSelector('.table');
      await inPage(one, 'PUT', '/v1/setting', { taxNo: '0105556012341', address: '1 ถนนพระราม 4 กรุงเทพฯ' });
      const no = await order(one, tag);
      const path = `/v2/salesorder/${no}`;
      await one.go(`/orders/${no}`);
      await page.waitForSelector(`h1:has-text("${tag}")`);
      await one.axe('an order');
      await focusMain(page);
      await page.keyboard.press('p');
      await page.waitForSelector('dialog[open] [name=amount]');
      await one.axe('entering a payment');
      await page.fill('dialog[open] [name=amount]', '100');
      await page.keyboard.press('Control+Enter');
      await until('paid in part', async () => (await read(one, path)).paymentState === 'partly');
      await page.waitForSelector('dialog', { state: 'detached' });
      // A part of it goes back.
      await page.locator('.timeline li', { hasText: '100' }).locator('.button').last().click();
      await page.waitForSelector('dialog[open] [name=amount]');
      await one.axe('giving money back');
      await page.fill('dialog[open] [name=amount]', '40');
      await page.keyboard.press('Control+Enter');
      await until('60 are paid', async () => (await read(one, path)).paidAmount === 60);
      await page.waitForSelector('dialog', { state: 'detached' });
      await focusMain(page);
      await page.keyboard.press('d');
      await page.waitForSelector('dialog[open] form');
      await one.axe('handing over');
      await page.fill('dialog[open] input', '1');
      await page.click('dialog[open] .button.main');
      await until('handed over in part', async () => (await read(one, path)).deliveryState === 'partly');
      await page.waitForSelector('dialog', { state: 'detached' });
      // Papers: the receipt of the payment, and a credit note that cancels it.
      const issued = await inPage(one, 'POST', `${path}/receipt`, { buyerName: 'Daisy', buyerAddress: '2 ถนนสีลม', buyerTaxNo: '0105556012341', buyerBranchCode: '00000' });
      if (issued.status === 201 || issued.status === 200) {
        await page.reload();
        // The payment names it too, and stands there sooner.
        const paper = page.locator(`.timeline li:has(strong:has-text("${issued.body.data.taxDocumentNo}"))`);
        await paper.locator('.button').last().click();
        await page.waitForSelector('dialog[open] [name=reason]');
        await one.axe('a credit note');
        await page.fill('dialog[open] [name=reason]', 'ออกผิดราย');
        await page.keyboard.press('Control+Enter');
        await until('cancelled by a credit note', async () => (await read(one, `/v1/taxdocuments/${issued.body.data.taxDocumentNo}`)).cancelledByNo);
      } else throw new Error(`a receipt: ${JSON.stringify(issued.body)}`);
      await page.waitForSelector('dialog', { state: 'detached' });
      await one.axe('an order with its papers');
      const lines = async () => (await read(one, path)).salesorderDetails[0];
      await page.locator('.page-head .button:not(.danger):not(.only)').last().click();
      await page.waitForSelector('dialog[open] form');
      await page.fill('dialog[open] input', '1');
      await page.click('dialog[open] .button.main');
      await until('taken back', async () => (await lines()).returnedQty === 1);
    },
  },
  {
    name: 'a quotation is linked, compared with its revision, and made an order',
    async run({ person, tag, lang }) {
      const one = await person();
      const { page } = one;
      await one.go('/quotations');
      await page.waitForSelector('.table');
      const body = { quotationSubject: `เสนอ ${tag}`, quotationDate: '2026-01-04', quotationValidUntil: '2099-12-31', quotationStatus: 3, customerCode: 'daisy', staffCode: 'Admin01', vatCalculation: true, quotationDetails: [{ productCode: 'AB00025dddd', qty: 2, price: 100, vatTaxValue: 7 }] };
      const made = await inPage(one, 'POST', '/v2/quotation', body);
      assert(made.status < 300, JSON.stringify(made.body));
      const no = typeof made.body.data === 'string' ? made.body.data : made.body.data.quotationNo;
      await one.go(`/quotations/${encodeURIComponent(no)}`);
      await page.waitForSelector(`h1:has-text("${tag}")`);
      await one.axe('a quotation');
      // What is no number is not sent; what somebody else changes meanwhile is taken, and what was typed is kept.
      const cell = page.locator('.lines tbody input').nth(1);
      await cell.fill('สอง');
      await page.keyboard.press('Control+Enter');
      await page.waitForSelector('.lines .fault');
      await one.axe('a number that is none');
      const other = await inPage(one, 'POST', '/v2/quotation', { ...body, quotationNo: no, remark: 'โทรแล้ว' });
      assert(other.status < 300, JSON.stringify(other.body));
      await cell.fill('๕');
      const saved = async () => { const now = await read(one, `/v1/quotation/${encodeURIComponent(no)}`); return now.quotationDetails[0].qty === 5 && now.remark === 'โทรแล้ว'; };
      await until('saved over the other change', async () => { await page.keyboard.press('Control+Enter'); await page.waitForTimeout(400); return saved(); });
      await page.getByRole('button', { name: lang === 'th' ? 'ลิงก์สำหรับลูกค้า' : 'Link for the customer' }).click();
      // A link makes it one that was sent: that is asked first.
      await page.waitForSelector('dialog[open] .button.main');
      await one.axe('before a link is made');
      assert((await read(one, `/v1/quotation/${encodeURIComponent(no)}`)).quotationStatus === 3, 'looking does not send it');
      await page.click('dialog[open] .button.main');
      await page.waitForSelector('dialog[open] code');
      await one.axe('the link of a quotation');
      const link = await page.innerText('dialog[open] code');
      assert((await fetch(link)).status === 200, 'the link opens the customer’s page');
      await page.keyboard.press('Escape');
      // What is changed after it was sent is a new revision.
      const again = await inPage(one, 'POST', '/v2/quotation', { ...body, quotationNo: no, quotationStatus: 4, quotationDetails: [{ productCode: 'AB00025dddd', qty: 3, price: 90, vatTaxValue: 7 }] });
      assert(again.status < 300, JSON.stringify(again.body));
      await page.reload();
      await page.waitForSelector(`h1:has-text("${tag}")`);
      const revisions = (await read(one, `/v1/quotation/${encodeURIComponent(no)}/revisions`)).value;
      if (revisions.length > 1) {
        await page.locator('.results [aria-expanded=false]').first().click();
        await page.waitForSelector('.change ins');
        await one.axe('revisions compared');
      }
      await page.locator('.page-head .button:not(.danger):not(.only)').last().click();
      await page.waitForSelector('dialog[open]');
      await page.click('dialog[open] .button.main');
      await page.waitForURL(/\/orders\//);
      await page.waitForSelector('main .table:not(.lines)');
      await until('the order is loaded', async () => (await page.$('main .spinner')) === null);
      await one.axe('the order of a quotation');
    },
  },
  {
    name: 'a deal moves along its board by keyboard and by mouse, and back with undo',
    async run({ person, tag }) {
      const one = await person();
      const { page } = one;
      await one.go('/deals');
      await page.waitForSelector('.board-column');
      const made = await inPage(one, 'POST', '/v1/deals', { dealName: `ดีล ${tag}`, dealValue: 5000, probability: 50, customerCodes: ['daisy'], assignTo: 'Admin01', expectedCloseDate: '2099-12-31' });
      assert(made.status < 300, JSON.stringify(made.body));
      const id = made.body.data.value.dealsId;
      const stage = async () => { const data = await read(one, `/v1/deals/${id}`); return (data.value ?? data).dealStage.dealStageId; };
      const first = await stage();
      await page.reload();
      const card = page.locator(`#deal-${id}`);
      await card.focus();
      await page.keyboard.press('Shift+ArrowRight');
      await until('one stage on', async () => (await stage()) !== first);
      await one.axe('the board of deals');
      await page.waitForSelector('.toast .button');
      await page.keyboard.press('z');
      await until('back again', async () => (await stage()) === first);
      await until('the card is in its column', async () => page.locator('.board-column').first().locator(`#deal-${id}`).count());
      await card.dragTo(page.locator('.board-column').nth(1));
      await until('dragged one stage on', async () => (await stage()) !== first);
      await one.go(`/deals/${id}`);
      await page.waitForSelector('.timeline');
      await one.axe('a deal with its stages');
    },
  },
  {
    name: 'a contract promises a service, an expense is claimed and approved, a report is drawn',
    async run({ person, tag, lang }) {
      const one = await person();
      const { page } = one;
      await one.go('/contracts');
      await page.waitForSelector('.table');
      const type = (await read(one, '/v1/contract/types'))[0].contractType;
      const made = await inPage(one, 'POST', '/v1/contract', { contractName: `ดูแลเครื่อง ${tag}`, contractType: type, customerCode: 'string', owner: 'staff01', dateStart: '2026-11-01', dateEnd: '2099-10-31' });
      assert(made.status < 300, JSON.stringify(made.body));
      const no = made.body.data.contractNo ?? made.body.data;
      await one.go(`/contracts/${encodeURIComponent(no)}`);
      await page.waitForSelector(`h1:has-text("${tag}")`);
      await one.axe('a contract');
      await page.locator('section.card .button', { has: page.locator('svg') }).first().click();
      await page.waitForSelector('dialog[open] [name=subject]');
      await page.fill('dialog[open] [name=subject]', 'ล้างไส้กรอง');
      await page.keyboard.press('Control+Enter');
      await page.waitForSelector('strong:has-text("ล้างไส้กรอง")');
      await one.axe('a contract with a service');
      await page.keyboard.press('Escape');

      await one.go('/expenses/new');
      await page.waitForSelector('form.record');
      await one.axe('a new expense');
      await page.fill('[name=subject]', `แท็กซี่ ${tag}`);
      await page.fill('[name="amount-0"]', '1,200');
      if (await page.locator('.pick', { hasText: lang === 'th' ? 'เลือก' : 'Choose' }).count()) {
        await page.locator('.pick').first().click();
        await page.waitForSelector('dialog[open] [role=option]');
        await page.keyboard.press('Enter');
      }
      await page.focus('[name=subject]');
      await page.keyboard.press('Control+Enter');
      await page.waitForURL(/\/expenses\/\d+/);
      await page.waitForSelector(`h1:has-text("${tag}")`);
      await one.axe('an expense');

      await one.go('/reports');
      await page.waitForSelector('main h1');
      await until('the figures are there', async () => (await page.$('main .spinner')) === null && (await page.$('.chart, .state')) !== null);
      await one.axe('reports');
      if (await page.$('select option[value=sales]')) {
        await page.locator('main select').first().selectOption('sales');
        await page.waitForSelector('main .chart, main .state');
        await one.axe('the report of sales');
      }
    },
  },
  {
    name: 'a customer’s timeline is filtered, a file is put there, shared and deleted, a request is entered',
    async run({ person, tag, lang }) {
      const one = await person();
      const { page } = one;
      await one.go('/customers/C000154');
      await page.waitForSelector('.timeline time');
      await one.axe('a customer with a timeline');
      const section = page.locator('section', { has: page.locator('select') }).first();
      await section.locator('select').selectOption('case');
      await until('only cases', async () => (await section.locator('a').count()) > 0 && (await section.locator('a[href*="/activities/"]').count()) === 0);
      const code = 'C000154';
      const card = page.getByRole('region', { name: lang === 'th' ? 'ที่อยู่' : 'Addresses', exact: true });
      await card.locator('.bar .button').click();
      await page.waitForSelector('dialog[open] [name=locationAddress]');
      await one.axe('an address');
      await page.fill('dialog[open] [name=locationAddress]', `99 ถนนพระราม 4 ${tag}`);
      await page.keyboard.press('Control+Enter');
      const addresses = async () => (await read(one, `/v3/customers/${code}`)).addresses ?? [];
      await until('the address is there', async () => (await addresses()).some((each) => each.locationAddress.includes(tag)));
      await page.waitForSelector('dialog', { state: 'detached' });
      await card.locator('li', { hasText: tag }).locator('.button').last().click();
      await until('it is gone', async () => !(await addresses()).some((each) => each.locationAddress.includes(tag)));
      await page.setInputFiles('input[type=file]', { name: `สัญญา ${tag}.txt`, mimeType: 'text/plain', buffer: Buffer.from('สวัสดี') });
      // The history names the address, too; only a file has buttons.
      const row = page.locator('.timeline li', { hasText: `สัญญา ${tag}`, has: page.locator('.button') });
      await row.waitFor();
      await one.axe('a customer with a file');
      await row.locator('.button').first().click();
      await page.waitForSelector('dialog[open] code');
      const link = await page.innerText('dialog[open] code');
      assert((await fetch(link)).status === 200, 'the link opens the file');
      await page.keyboard.press('Escape');
      await row.locator('.button').last().click();
      await page.click('dialog[open] .button.danger');
      await row.waitFor({ state: 'detached' });
      assert((await fetch(link)).status !== 200, 'the link of a deleted file is worthless');
      await page.locator('.page-head .button:not(.only)').first().click();
      await page.waitForSelector('dialog[open] [name=requestedBy]');
      await one.axe('entering a privacy request');
      // Of each kind one request may be open, and the walk is gone in both languages.
      await page.selectOption('dialog[open] [name=kind]', lang === 'th' ? 'export' : 'erasure');
      await page.fill('dialog[open] [name=requestedBy]', `โทรมาจากเบอร์ที่บันทึกไว้ ${tag}`);
      await page.keyboard.press('Control+Enter');
      await page.waitForURL(/\/privacy/);
    },
  },
];
