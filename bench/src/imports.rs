//! A hundred thousand customers, products and quantities out of files, and all of them into files again.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Child;
use std::time::Instant;

use crate::report::Report;
use crate::server::{self, Client, Sala};
use crate::{Bench, Result, seed};

/// Rows of the file.
const ROWS: u32 = 100_000;

/// The media type of a workbook.
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

pub(crate) fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    let sala = Sala::embedded(&bench.program, bench.folder.join("imports"))?;
    let (record, _) = seed::company(&sala, None)?;
    for (kind, text, longest) in
        [("customers", customers()?, 60.0), ("products", products()?, 120.0), ("stock", stock()?, 120.0)]
    {
        let file = sala.folder.join(format!("{kind}.csv"));
        std::fs::write(&file, text)?;
        let path = file.display().to_string();
        let (seconds, memory) = command(&sala, &["import", kind, &path])?;
        report.under(&format!("Embedded, a file of 100,000 rows of {kind} is loaded in"), seconds, longest, "s");
        report.under("… memory meanwhile (PSS)", memory, 150.0, "MB");
        let (seconds, _) = command(&sala, &["import", kind, &path])?;
        report.tell("… the same file again, which changes nothing", format!("{seconds:.1} s"));
    }

    let server = sala.serve(&["--role", "api"])?;
    let client = Client::new(server.address, &record)?;
    as_files(&server, &client, report, "100,000 customers", CUSTOMERS)?;
    as_files(&server, &client, report, "100,000 products", PRODUCTS)?;
    server.stop()
}

/// The list of customers, and that of products: a path and a body.
pub(crate) const CUSTOMERS: (&str, &str) = ("/v3/customers/enquiry", "{}");
const PRODUCTS: (&str, &str) = ("/v2/products/GetProduct", r#"{"take":200,"status":[true]}"#);

/// A whole list as CSV and as a workbook.
pub(crate) fn as_files(
    server: &server::Server,
    client: &Client,
    report: &mut Report,
    what: &str,
    which: (&str, &str),
) -> Result<()> {
    for (kind, accept) in [("CSV", "text/csv"), ("a workbook", XLSX)] {
        let (pid, started) = (server.pid(), Instant::now());
        let (size, memory) = server::watch(|| server::memory(pid), || list(server.address, client, which, accept));
        let (seconds, megabytes) = (started.elapsed().as_secs_f64(), size? / (1024 * 1024));
        report.under(&format!("Embedded, {what} as {kind} ({megabytes} MB)"), seconds, 120.0, "s");
        report.under("… memory meanwhile (PSS)", memory, 150.0, "MB");
    }
    Ok(())
}

fn products() -> Result<String> {
    let mut text =
        "รหัสสินค้า,ชื่อสินค้า,หมวดหมู่,หมวดย่อย,หน่วยนับ,ราคาขาย,VAT,ต้นทุน,จำนวนคงเหลือ,บาร์โค้ด,ยี่ห้อ,แท็ก,สถานะ\n".to_owned();
    for number in 0..ROWS {
        writeln!(
            text,
            "P{number:06},สินค้าหมายเลข {number},หมวด {},หมวดย่อย {},ชิ้น,\"1,{:03}.50\",7,900,5,885{number:010},ยี่ห้อ {},\"ใหม่, ขายดี\",ใช้งาน",
            number % 20,
            number % 60,
            number % 1000,
            number % 50
        )?;
    }
    Ok(text)
}

fn stock() -> Result<String> {
    let mut text = "รหัสสินค้า,จำนวนคงเหลือ\n".to_owned();
    for number in 0..ROWS {
        writeln!(text, "P{number:06},{}", number % 100 + 6)?;
    }
    Ok(text)
}

fn customers() -> Result<String> {
    let mut text = "รหัสลูกค้า,ชื่อลูกค้า,เบอร์โทร,อีเมล,ประเภทลูกค้า,กลุ่มลูกค้า,ที่มา,ที่อยู่,ผู้ดูแล,หมายเหตุ\n".to_owned();
    for number in 0..ROWS {
        writeln!(
            text,
            "K{number:06},บริษัท ก้าวหน้า {number} จำกัด,08{number:08},k{number}@example.com,นิติบุคคล,กลุ่ม {},Website,\"{number} ถนนสุขุมวิท, กรุงเทพฯ\",EMP001,",
            number % 20
        )?;
    }
    Ok(text)
}

/// Seconds and the most memory that a command takes.
pub(crate) fn command(sala: &Sala, words: &[&str]) -> Result<(f64, f64)> {
    let started = Instant::now();
    let mut child: Child = sala.start(&[words, &["--log", "error"]].concat())?;
    let pid = child.id();
    let (ended, memory) = server::watch(|| server::memory(pid), || child.wait());
    match ended?.success() {
        true => Ok((started.elapsed().as_secs_f64(), memory)),
        false => Err(format!("sala {} failed", words.join(" ")).into()),
    }
}

/// How many bytes the whole list has as a file.
pub(crate) fn list(address: SocketAddr, client: &Client, (path, body): (&str, &str), accept: &str) -> Result<usize> {
    let mut request = Vec::new();
    client.post(path, body, &mut request);
    let request =
        String::from_utf8(request)?.replacen("\r\n", &format!("\r\naccept: {accept}\r\nconnection: close\r\n"), 1);
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(request.as_bytes())?;
    let (mut chunk, mut size, mut head) = (vec![0; 64 * 1024], 0, Vec::new());
    loop {
        let count = stream.read(&mut chunk)?;
        if head.len() < 64 {
            head.extend_from_slice(chunk.get(..count.min(64)).unwrap_or_default());
        }
        size += count;
        if count == 0 {
            break;
        }
    }
    match head.get(9..12) {
        Some(b"200") => Ok(size),
        _ => Err(format!("unexpected answer: {}", String::from_utf8_lossy(&head)).into()),
    }
}
