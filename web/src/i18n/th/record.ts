import type en from '../en/record';
import type { Shape } from '../shape';

const words: Shape<typeof en> = {
  edit: 'แก้ไข',
  created: 'สร้างแล้ว',
  saved: 'บันทึกแล้ว',
  removed: 'ลบแล้ว',
  restored: 'กู้คืนแล้ว',
  making: (kind) => `สร้างใหม่: ${kind}`,
  history: 'ความเคลื่อนไหว',
  historyNone: 'การเปลี่ยนแปลงจะแสดงที่นี่: ใคร เมื่อไร จากอะไรเป็นอะไร',
  by: (name) => `โดย ${name}`,
  changed: 'มีคนแก้ไขข้อมูลนี้ไปก่อนแล้ว ระบบโหลดสถานะล่าสุดให้ ข้อความที่คุณพิมพ์ยังอยู่ กรุณาเทียบกันแล้วบันทึกอีกครั้ง',
  actions: { created: 'สร้าง', updated: 'แก้ไข', deleted: 'ลบ', restored: 'กู้คืน', merged: 'รวม' },
  sure: (name) => `ลบ “${name}” หรือไม่?`,
  sureText: 'กู้คืนได้ภายหลัง',
  export: 'ส่งออก',
  details: 'รายละเอียด',
  more: 'เพิ่มเติม',
  search: {
    title: 'ค้นหา',
    holder: 'ลูกค้า ข้อความ การสนทนา สินค้า …',
    start: 'พิมพ์อย่างน้อยหนึ่งคำ ภาษาใดก็ได้',
    none: (text) => `ไม่พบ “${text}”`,
    rooms: 'การสนทนา',
    messages: 'ข้อความ',
    customers: 'ลูกค้า',
    products: 'สินค้า',
    older: 'ค้นหาข้อความเก่ากว่านี้',
    searchedTo: (day) => `ค้นย้อนหลังถึง ${day}`,
    results: (count) => `พบ ${count} รายการ`,
  },
};
export default words;
