//! The demo company of `sala serve --demo`: what a first user finds.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use channel::{Content, Platform};
use db::{Conn, Db};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::user::{self, New};
use super::{Failure, sqlite_file};
use crate::app::App;
use crate::chat::account::{self, NewAccount};
use crate::chat::inbound::{self, Incoming, Said};
use crate::chat::message::{self, Draft};
use crate::chat::{queue, room};
use crate::config::Common;
use crate::customer::event::{self, CustomerEventWrite};
use crate::customer::{self, CustomerWrite};
use crate::http::{Caller, Conditions, Error, Faults, lenient};
use crate::person::{password, store};
use crate::product::input::ProductWrite;
use crate::random;
use crate::record::Actor;
use crate::sales::contract;
use crate::sales::deal::{self, DealCreate};
use crate::sales::order::{self, SalesOrderWrite};
use crate::sales::quotation::{self, QuotationWrite};
use crate::service::activity::{self, ActivityUpsertRequest};
use crate::service::case::{self, CaseCreateRequest};
use crate::setting::choice;
use crate::setting::list::List;
use crate::setting::{company, number};
use crate::staff::employee::{self, EmployeeUpsert};
use crate::staff::expense;
use crate::{http, oauth, product, telemetry, time};

const COMPANY: i64 = 507;
const DAY: i64 = 24 * 60 * 60 * 1000;
const NAME: &str = "Sala Demo";
const ROOM: Uuid = Uuid::from_u128(0x2625_9b2c_509c_4ff5_a82a_d1b5_505b_014d);

/// Makes the demo company on first start, with credentials that stay the same at each; answers what a first user is told.
pub(super) async fn welcome(app: &App, common: &Common, address: SocketAddr) -> Result<String, Failure> {
    let now = app.now();
    let account = account_of(app, now).await?;
    let kept = match Kept::read(common) {
        Some(kept) if kept.works(app).await? => kept,
        _ => {
            let kept = Kept::new(app, now).await?;
            kept.write(common)?;
            kept
        }
    };
    let base = format!("http://{address}");
    Ok(format!(
        r#"
Console:          {base}/console/
  user            {OWNER}
  password        {password}

API document: {base}/docs

A demo company is ready ({NAME}, {COMPANY}), with a LINE sandbox that delivers to Sala itself.
  client id         {id}
  client secret     {secret}
  subscription key  {key}

Send a first message:

TOKEN=$(curl -fsS {base}/authorization/connect/token -H 'Ocp-Apim-Subscription-Key: {key}' -d grant_type=client_credentials -d client_id={id} -d client_secret={secret} | sed 's/.*"access_token":"\([^"]*\)".*/\1/'); echo "token: ${{TOKEN:-none}}"
curl -sS -w '\n' {base}/v1/chat/message -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '{{"roomId":"{ROOM}","content":"Hello, world","type":"message","platform":"line","companyId":{COMPANY}}}'

Play the customer's answer, and look at the room:

curl -sS -w '\n' {base}/channels/sandbox/{account}/Udemo -H 'Content-Type: application/json' -d '{{"content":"Hello yourself"}}'
curl -sS -w '\n' {base}/v1/chat/rooms/{ROOM}/messages -H "Authorization: Bearer $TOKEN"
"#,
        id = kept.client_id,
        secret = kept.client_secret,
        key = kept.subscription_key,
        password = kept.password,
    ))
}

/// The demo's credentials: they are kept in a file, because the database has only their hashes, so that what was pasted
/// into something after the first start goes on working.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    client_id: String,
    client_secret: String,
    subscription_key: String,
    password: String,
}

/// Where they are: beside an SQLite database.
fn place(common: &Common) -> Option<PathBuf> {
    sqlite_file(&common.database).map(|file| file.with_file_name("demo-credentials.json"))
}

impl Kept {
    fn read(common: &Common) -> Option<Kept> {
        serde_json::from_slice(&std::fs::read(place(common)?).ok()?).ok()
    }

    /// Writes them for this user alone, as everything is written.
    fn write(&self, common: &Common) -> Result<(), Failure> {
        let Some(file) = place(common) else { return Ok(()) };
        let text = serde_json::to_string_pretty(self).map_err(|error| Failure::new(error.to_string()))?;
        std::fs::write(&file, text).map_err(|error| Failure::new(format!("{}: {error}", file.display())))
    }

    /// Whether the database still knows the client.
    async fn works(&self, app: &App) -> Result<bool, Failure> {
        let clients = oauth::list_clients(&mut app.db.read().await?, COMPANY).await?;
        Ok(clients.iter().any(|client| client.id == self.client_id && client.revoked_at.is_none()))
    }

    /// A new client in the place of the demo's former one, and a new password of its owner.
    async fn new(app: &App, now: i64) -> Result<Kept, Failure> {
        let clients = oauth::list_clients(&mut app.db.read().await?, COMPANY).await?;
        for old in clients.iter().filter(|client| client.name == NAME && client.revoked_at.is_none()) {
            oauth::revoke_client(&app.db, COMPANY, &old.id, now).await?;
        }
        let scopes = http::operations().scopes();
        let client = oauth::create_client(&app.db, COMPANY, NAME, &scopes, now).await?;
        Ok(Kept {
            client_id: client.client_id,
            client_secret: client.client_secret,
            subscription_key: client.subscription_key,
            password: owner(app).await?,
        })
    }
}

/// The e-mail of the demo's owner.
const OWNER: &str = "arun@example.com";

/// A new password for the demo's owner, who is made when there is none.
async fn owner(app: &App) -> Result<String, Failure> {
    let password = random::text(12)?;
    let known = store::by_email(&mut app.db.read().await?, COMPANY, OWNER).await?;
    let Some(row) = known else {
        let new = New {
            email: OWNER,
            names: ("Arun", "Saelim"),
            staff_code: Some("EMP000"),
            role: crate::person::role::OWNER,
            password: Some(&password),
        };
        user::create(app, COMPANY, &new).await?;
        return Ok(password);
    };
    let hash = password::hash(app, &password).await?;
    let now = app.now();
    app.db.write(async |mut tx| store::set_password(&mut tx, &row, &hash, None, now).await).await?;
    Ok(password)
}

/// Refuses a database whose company of the demo's number is another one.
pub(super) async fn check(db: &Db) -> Result<(), Failure> {
    if let Some(company) = company::find(&mut db.read().await?, COMPANY).await? {
        sandbox(db, &company.name).await?;
    }
    Ok(())
}

/// The sandbox account of the company that is there, which is the demo's when it has the demo's room: its name may be another
/// by now.
async fn sandbox(db: &Db, name: &str) -> Result<String, Failure> {
    let mut conn = db.read().await?;
    let account: Option<String> =
        conn.sql("select account from room where company = $1 and id = $2").bind(COMPANY).bind(ROOM).optional().await?;
    account.ok_or_else(|| {
        Failure::new(format!("--demo is for a database of its own: company {COMPANY} is {name} here, and not the demo"))
    })
}

/// The demo's sandbox account; the company and what belongs to it are made when it is not there.
async fn account_of(app: &App, now: i64) -> Result<String, Failure> {
    let db: &Db = &app.db;
    let known = company::find(&mut db.read().await?, COMPANY).await?;
    match known {
        Some(company) => sandbox(db, &company.name).await,
        None => {
            company::create(db, Some(COMPANY), NAME, "Asia/Bangkok", now).await?;
            let new = NewAccount {
                company: COMPANY,
                platform: Platform::Line,
                name: "Sandbox".to_owned(),
                credentials: None,
                api_base: None,
                late_push: "yes".to_owned(),
            };
            let account = account::create(db, &app.vault, new, now).await?.id;
            room::create(db, COMPANY, &account, "Udemo", Some(ROOM), "Somchai", now).await?;
            records(app, now).await?;
            sales_records(app, now).await?;
            conversations(app, &account, now).await?;
            Ok(account)
        }
    }
}

/// The records that examples of the API's reference name, so that each of these is accepted as it is written there: the employees
/// EMP000 and 6d473b8f-…, the customers C000349, C000055 and C000154, the event 13, the activities A20250200028 and A20250200029, and the case T250200010 with its
/// category.
async fn records(app: &App, now: i64) -> Result<(), Failure> {
    let zone = time::zone(&mut app.db.read().await?, COMPANY).await?;
    let by = Caller::acting(COMPANY, "system");
    let write = app.db.write(async |mut tx| {
        let head: EmployeeUpsert = entered(json!({
            "staffCode": "EMP000", "email": "arun@example.com", "firstname": "Arun", "lastname": "Saelim",
            "roleName": "Manager", "teamName": "Team A", "isActive": true,
        }))?;
        employee::put(&mut tx, &by, &head, &Conditions::default(), now).await?;
        let clerk: EmployeeUpsert = entered(json!({
            "staffCode": "EMP002", "userId": "6d473b8f-a6b3-4536-b1e6-f4b7688414e2", "email": "malee@example.com",
            "firstname": "Malee", "lastname": "Wongsa", "roleName": "Support", "teamName": "Team A", "headCode": "EMP000",
        }))?;
        employee::put(&mut tx, &by, &clerk, &Conditions::default(), now).await?;
        let customers = [("C000055", "Siam Tools"), ("C000349", "Bangkok Trading"), ("C000154", "Chao Phraya Foods")];
        for (code, name) in customers {
            let customer: CustomerWrite = entered(json!({
                "customerCode": code, "customerName": name, "customerState": 3, "customerType": 1, "owners": ["EMP000"],
            }))?;
            customer::put(&mut tx, &by, &customer, &Conditions::default(), now).await?;
        }
        let months = (1..=12).map(|month| ("C000055", format!("2025-{month:02}-15T10:00:00")));
        for (code, date) in months.chain([("C000349", "2026-01-15T10:00:00".to_owned())]) {
            let visit: CustomerEventWrite =
                entered(json!({"eventName": "Visit", "eventType": 1, "customerCode": code, "eventDate": date}))?;
            let at = event::check(&visit, Faults::default(), &zone)?;
            event::add(&mut tx, &by, &visit, at, now).await?;
        }
        for no in ["A20250200028", "A20250200029"] {
            let visit: ActivityUpsertRequest = entered(json!({
                "activityNo": no, "subject": "เข้าพบลูกค้า", "activityTypeId": 1, "customerCode": "C000154",
                "dateAppointmentStart": "2025-02-05T10:00:00", "assignToUserId": "6d473b8f-a6b3-4536-b1e6-f4b7688414e2",
            }))?;
            let by = Actor { caller: by.clone(), now };
            activity::put(&mut tx, &by, &visit, &[], &Conditions::default()).await?;
        }
        let detail = json!({"responseMinutes": 60, "resolutionMinutes": 480});
        let category = choice::New {
            id: Some(2_140_016_585),
            name: "ติดตั้งสินค้า",
            name_en: Some("Installation"),
            detail: Some(&detail),
            ..choice::New::default()
        };
        choice::create(&mut tx, COMPANY, List::CaseCategories, &category).await?;
        let case: CaseCreateRequest = entered(json!({
            "caseNo": "T250200010", "caseType": 1, "subject": "ติดตั้งเครื่องกรองน้ำ", "customerCode": "C000154",
            "categoryId": 2_140_016_585_i64, "dateCase": "2025-02-05T17:35:53.693+0700",
            "dateDue": "2025-02-07T17:35:53.693+0700", "activityNos": ["A20250200028"], "assignedToUserId": "6d473b8f-a6b3-4536-b1e6-f4b7688414e2",
        }))?;
        case::open(&mut tx, &Actor { caller: by.clone(), now }, case).await?;
        crm_records(&mut tx, &Actor { caller: by.clone(), now }).await
    });
    Ok(write.await?)
}

/// What examples of the sales groups name: the customers daisy and string, the salesperson Admin01, the products AB00025dddd,
/// 10001 and string
/// of which there is enough, the quotations DRAFT2301000004 and Q01230000002, and the orders SO23010005 and SO24090001.
async fn sales_records(app: &App, now: i64) -> Result<(), Failure> {
    let caller = Caller::acting(COMPANY, "system");
    let by = Actor { caller: caller.clone(), now };
    let write = app.db.write(async |mut tx| {
        let staff: EmployeeUpsert = entered(json!({
            "staffCode": "Admin01", "email": "admin01@example.com", "firstname": "Malee", "lastname": "Jaidee",
            "roleName": "Sales", "teamName": "Team A", "isActive": true,
        }))?;
        let none = Conditions::default();
        employee::put(&mut tx, &caller, &staff, &none, now).await?;
        for (code, name) in [("daisy", "Daisy"), ("string", "String")] {
            let customer: CustomerWrite = entered(json!({
                "customerCode": code, "customerName": name, "customerState": 3, "customerType": 1, "owners": ["Admin01"],
            }))?;
            customer::put(&mut tx, &caller, &customer, &none, now).await?;
        }
        for code in ["AB00025dddd", "10001", "string"] {
            let product: ProductWrite = entered(json!({
                "productCode": code, "productName": format!("Product {code}"), "productUnitName": "ชิ้น", "qty": 1000,
                "prices": [{"priceTierName": "Normal Price", "regularPrice": 100}], "trackInventory": true,
            }))?;
            product::put::put(&mut tx, &caller, &product, now).await?;
        }
        for (number, status) in [("DRAFT2301000004", 1), ("Q01230000002", 4)] {
            let quotation: QuotationWrite = entered(json!({
                "quotationSubject": "Test open api", "quotationDate": "2023-01-04", "quotationValidUntil": "2099-12-31",
                "quotationStatus": status, "customerCode": "daisy", "staffCode": "Admin01", "vatCalculation": true,
                "quotationDetails": [{"productCode": "AB00025dddd", "qty": 2, "price": 100, "vatTaxValue": 7}],
            }))?;
            quotation::put(&mut tx, &by, &quotation, &none, Faults::default(), Some(number)).await?;
        }
        for (number, plan) in [
            ("SO23010005", json!(null)),
            ("SO24090001", json!({"valueType": 2, "schedulePayments": [{"installmentValue": 50}, {"installmentValue": 50}]})),
        ] {
            let order: SalesOrderWrite = entered(json!({
                "salesOrderSubject": "consoleapp openapi", "salesOrderDate": "2023-05-01", "salesOrderStatus": 2,
                "customerCode": "daisy", "staffCode": "Admin01", "vatCalculation": true, "payment": plan,
                "salesOrderDetails": [{"productCode": "10001", "qty": 2, "price": 100, "vatTaxValue": 7}],
            }))?;
            order::put(&mut tx, &by, &order, &none, Faults::default(), Some(number)).await?;
        }
        Ok::<_, Error>(())
    });
    Ok(write.await?)
}

/// What the examples of deals, contracts and expenses name: entries of look-up lists by their numbers, the employees staff01,
/// staff02 and UAT007, the customers string and L000308, the deal 1, the contracts CONT250600006 and string, the expense 1.
async fn crm_records(tx: &mut Conn, by: &Actor) -> Result<(), Error> {
    for code in ["staff01", "staff02", "UAT007"] {
        let employee: EmployeeUpsert = entered(json!({
            "staffCode": code, "email": format!("{code}@example.com"), "firstname": code, "lastname": "Demo",
            "roleName": "Sales", "teamName": "Team A", "headCode": "EMP000", "isActive": true,
        }))?;
        employee::put(tx, &by.caller, &employee, &Conditions::default(), by.now).await?;
    }
    for (code, name, state) in [("string", "The customer of the examples", 3), ("L000308", "Chao Phraya Boats", 1)] {
        let customer: CustomerWrite =
            entered(json!({"customerCode": code, "customerName": name, "customerState": state, "customerType": 1}))?;
        customer::put(tx, &by.caller, &customer, &Conditions::default(), by.now).await?;
    }
    let stage = |kind: &str| json!({"boardId": 34_628_319, "kind": kind});
    for (list, id, name, detail) in [
        (List::Boards, 34_628_319, "Bigger deals", Value::Null),
        (List::Stages, 5509, "Offer", stage("open")),
        (List::Stages, 5510, "Deal won", stage("won")),
        (List::Stages, 5511, "Deal missed", stage("missed")),
        (List::Interests, 1001, "Software", Value::Null),
        (List::Labels, 1002, "Hot", json!({"color": "#d33"})),
        (List::Labels, 98_199_047, "Large", Value::Null),
        (List::Labels, 34_064_271, "Old friends", Value::Null),
        (List::MissedReasons, 39_733_557, "Too dear", Value::Null),
    ] {
        let detail = Some(&detail).filter(|detail| !detail.is_null());
        choice::create(tx, COMPANY, list, &choice::New { id: Some(id), name, detail, ..choice::New::default() })
            .await?;
    }
    let deal: DealCreate = entered(json!({
        "customerCodes": ["string"], "boardId": 34_628_319, "dealName": "Ten pumps", "probability": 20, "dealValue": 120_000,
        "expectedCloseDate": time::text(by.now + 30 * DAY, &time::zone(tx, COMPANY).await?), "assignTo": "staff01",
    }))?;
    deal::create(tx, by, &deal, None, Faults::default()).await?;
    number::at_least(tx, COMPANY, "contract-service", 37_880).await?;
    for no in ["string", "CONT250600006"] {
        contract::enter(
            tx,
            by,
            json!({
                "contractNo": no, "contractName": "Yearly service", "customerCode": "L000308", "contractType": "MA",
                "contractValue": 2000, "dateStart": "2025-06-18", "dateEnd": "2035-06-17", "owner": "UAT007",
                "contractService": {"subject": "Clean the filters", "frequency": 260_001, "numberOfTimes": 1},
            }),
        )
        .await?;
    }
    number::at_least(tx, COMPANY, "expense-line", 10).await?;
    let line = json!({"expenseTypeId": 1001, "amount": 600, "night": 1});
    expense::enter(tx, by, json!({"subject": "Visit to customer", "staffCode": "staff01", "expenseDetails": [line]}))
        .await
}

/// A customer's id and name, and what was said when.
type Talk = (&'static str, &'static str, &'static [(i64, &'static str)]);

/// Who writes in the demo, how long ago (minutes) each thing was said, and what: an answer begins with `>`.
const CONVERSATIONS: [Talk; 8] = [
    (
        "Uploy",
        "พลอย ใจดี",
        &[
            (190, "สวัสดีค่ะ ร้านเปิดกี่โมงคะ"),
            (188, "> สวัสดีค่ะ เปิด 9 โมงเช้าถึง 6 โมงเย็นทุกวันค่ะ"),
            (186, "ขอบคุณค่ะ พรุ่งนี้จะเข้าไปนะคะ"),
        ],
    ),
    (
        "Uthana",
        "ธนา วัฒนกุล",
        &[(95, "ขอใบเสนอราคาเครื่องปั้นน้ำผลไม้ 12 เครื่องครับ"), (93, "ส่งที่โรงแรมในเชียงใหม่ รวมค่าส่งด้วยนะครับ")],
    ),
    ("Unok", "นก ศรีสุข", &[(47, "ของที่สั่งไปเมื่อวันจันทร์ยังไม่ถึงเลยค่ะ เลขที่ SO2511-0042"), (45, "ช่วยเช็กให้หน่อยได้ไหมคะ")]),
    (
        "Uanan",
        "Anan P.",
        &[
            (33, "Hello, do you ship to Phuket?"),
            (30, "> Yes, we do. It takes two days."),
            (12, "Great! How much for 3 boxes?"),
        ],
    ),
    ("Usom", "สมหญิง ผู้ใหญ่บ้าน", &[(26, "ที่บ้านน้ำไม่ไหล ปั๊มที่ซื้อไปเสียหรือเปล่าคะ"), (25, "ซื้อไปเมื่อเดือนที่แล้วค่ะ")]),
    ("Ukorn", "กร ทองแท้", &[(1500, "ขอบคุณครับ สินค้าดีมาก"), (1490, "> ขอบคุณมากครับ ยินดีให้บริการครับ")]),
    ("Udao", "ดาว จันทร์เพ็ญ", &[(8, "สนใจสมัครตัวแทนจำหน่ายค่ะ ต้องทำอย่างไรบ้างคะ")]),
    ("Ugroup", "กลุ่มลูกค้าเชียงใหม่", &[(4, "รอบส่งของสัปดาห์นี้วันไหนครับ"), (2, "ของผมฝากไปกับรอบนี้ด้วยครับ")]),
];

/// What a first user finds in the inbox: people who wait, and some who were answered. All are invented.
async fn conversations(app: &App, account: &str, now: i64) -> Result<(), Failure> {
    let account = app.accounts.get(app, account).await?.ok_or_else(|| Failure::new("the demo has no account"))?;
    let by = Caller::acting(COMPANY, "system");
    for (chat, name, said) in CONVERSATIONS {
        let mut room = None;
        for (minutes, words) in said {
            let at = now - minutes * 60_000;
            let words = words.trim();
            match (words.strip_prefix('>'), room) {
                (Some(answer), Some(room)) => {
                    let draft = Arc::new(Draft {
                        id: Uuid::now_v7(),
                        company: COMPANY,
                        room,
                        platform: Platform::Line,
                        content: Content::Text { text: answer.trim().to_owned() },
                        client: Arc::clone(&by.client),
                        at,
                        trace: telemetry::trace(),
                    });
                    app.db
                        .write(async |mut tx| queue::store_one(&mut tx, &draft).await)
                        .await?
                        .map_err(message::refused)?;
                }
                _ => {
                    let incoming = Incoming {
                        chat: chat.to_owned(),
                        sender: None,
                        name: Some(name.to_owned()),
                        provider_id: None,
                        quotes: None,
                        details: Map::new(),
                        content: Said::Content(Content::Text { text: words.to_owned() }),
                        media: None,
                        at,
                        reply_token: None,
                    };
                    let stored =
                        app.db.write(async |mut tx| inbound::store(&mut tx, app, &account, &incoming).await).await?;
                    room = Uuid::parse_str(&stored.room_id).ok();
                }
            }
        }
    }
    Ok(())
}

/// A request's body as a handler gets it.
fn entered<T: DeserializeOwned>(body: Value) -> Result<T, Error> {
    lenient::decode_value(&body).map_err(Error::Invalid)
}
