//! The sentence of each code, in both languages.

use crate::http::error::Code;

/// English and Thai.
pub(super) fn sentences(code: Code) -> (&'static str, &'static str) {
    match code {
        Code::Required => ("A required field is missing", "ยังไม่ได้ระบุข้อมูลที่จำเป็น"),
        Code::InvalidType => ("A value has the wrong type", "ชนิดของข้อมูลไม่ถูกต้อง"),
        Code::InvalidValue => ("A value is not allowed here", "ค่าของข้อมูลไม่ถูกต้อง"),
        Code::TooLong => ("A value is too long", "ข้อมูลยาวเกินกำหนด"),
        Code::InvalidUrl => ("An address cannot be used", "ที่อยู่เว็บไม่ถูกต้อง"),
        Code::InvalidFormat => ("A value has the wrong format", "รูปแบบของข้อมูลไม่ถูกต้อง"),
        Code::OutOfRange => ("A number is outside its range", "ตัวเลขอยู่นอกช่วงที่กำหนด"),
        Code::InvalidBody => ("The body cannot be read", "อ่านเนื้อหาของคำขอไม่ได้"),
        Code::WrongCompany => ("The token belongs to another company", "โทเคนนี้เป็นของบริษัทอื่น"),
        Code::WrongPlatform => ("The room is on another platform", "ห้องสนทนานี้อยู่บนแพลตฟอร์มอื่น"),
        Code::UnknownPlatform => ("Unknown platform", "ไม่รู้จักแพลตฟอร์มนี้"),
        Code::UnknownRoom => ("No such room in your company", "ไม่พบห้องสนทนานี้ในบริษัทของคุณ"),
        Code::NotFound => ("Not found", "ไม่พบข้อมูล"),
        Code::UnsupportedType => ("This type is not supported here", "ไม่รองรับประเภทนี้"),
        Code::Conflict => {
            ("The present state of the record does not allow this", "สถานะปัจจุบันของข้อมูลไม่อนุญาตให้ทำรายการนี้")
        }
        Code::Changed => ("The record has changed since you read it", "ข้อมูลถูกแก้ไขหลังจากที่คุณอ่าน"),
        Code::NotConfigured => ("The server is not set up for this", "เซิร์ฟเวอร์ยังไม่ได้ตั้งค่าสำหรับรายการนี้"),
        Code::Taken => ("The value belongs to another record", "ค่านี้เป็นของข้อมูลอื่นแล้ว"),
        Code::InUse => ("The record is in use", "ข้อมูลนี้กำลังถูกใช้งาน"),
        Code::InsufficientStock => ("There is not enough stock", "สินค้าคงเหลือไม่พอ"),
        Code::StillRunning => ("The first request with this key is still running", "คำขอแรกที่ใช้คีย์นี้ยังทำงานไม่เสร็จ"),
        Code::KeyReused => ("The key was used for another request", "คีย์นี้ถูกใช้กับคำขออื่นแล้ว"),
        Code::Unauthorized => ("Sign in or send a valid token", "กรุณาเข้าสู่ระบบหรือส่งโทเคนที่ใช้ได้"),
        Code::InvalidCredentials => ("The e-mail or the password is wrong", "อีเมลหรือรหัสผ่านไม่ถูกต้อง"),
        Code::InvalidCode => ("The code is wrong or no longer valid", "รหัสไม่ถูกต้องหรือหมดอายุแล้ว"),
        Code::ChallengeEnded => ("The sign-in took too long", "การเข้าสู่ระบบใช้เวลานานเกินไป"),
        Code::SsoRequired => ("Your company signs in by single sign-on", "บริษัทของคุณเข้าสู่ระบบด้วยบัญชีองค์กร (SSO)"),
        Code::WeakPassword => ("The password is too easy to guess", "รหัสผ่านเดาได้ง่ายเกินไป"),
        Code::ForeignOrigin => ("The request came from a page of another server", "คำขอมาจากหน้าเว็บของเซิร์ฟเวอร์อื่น"),
        Code::PeopleOnly => ("Only a signed-in person can do this", "เฉพาะผู้ที่เข้าสู่ระบบแล้วเท่านั้น"),
        Code::MissingScope => ("The token lacks a permission", "โทเคนนี้ไม่มีสิทธิ์ที่ต้องใช้"),
        Code::TooLarge => ("The body is too large", "ข้อมูลมีขนาดใหญ่เกินไป"),
        Code::MediaType => ("The media type is not accepted here", "ไม่รับชนิดของเนื้อหานี้"),
        Code::MethodNotAllowed => ("The method is not allowed here", "ใช้เมทอดนี้กับเส้นทางนี้ไม่ได้"),
        Code::RateLimited => ("Too many requests", "คำขอมากเกินไป"),
        Code::Busy => ("The server cannot do this now", "ขณะนี้เซิร์ฟเวอร์ยังทำรายการไม่ได้"),
        Code::Internal => ("The server failed", "เกิดข้อผิดพลาดภายในเซิร์ฟเวอร์"),
    }
}

/// The words of a status, as the envelope's description has them, in Thai.
pub(in crate::http) fn status(status: u16) -> &'static str {
    match status {
        400 => "คำขอไม่ถูกต้อง",
        401 => "ต้องยืนยันตัวตนก่อน",
        403 => "ไม่มีสิทธิ์",
        404 => "ไม่พบข้อมูล",
        405 => "ใช้เมทอดนี้ไม่ได้",
        409 => "ขัดกับสถานะปัจจุบัน",
        412 => "ข้อมูลถูกแก้ไขไปแล้ว",
        413 => "ข้อมูลมีขนาดใหญ่เกินไป",
        415 => "ไม่รับชนิดของเนื้อหานี้",
        422 => "ประมวลผลคำขอไม่ได้",
        429 => "คำขอมากเกินไป",
        503 => "ยังไม่พร้อมให้บริการในขณะนี้",
        _ => "เกิดข้อผิดพลาด",
    }
}
