//! Creating a quotation, and changing one.

use db::Conn;
use jiff::civil::Date;
use serde::Deserialize;
use utoipa::ToSchema;

use super::revision;
use super::row::Row;
use super::status::{self, Status, Who};
use crate::http::{Code, Conditions, Error, Fault, Faults, Patch};
use crate::record::{self, Actor, Saved};
use crate::sales::approval::Approval;
use crate::sales::decimal::Decimal;
use crate::sales::entry::{self, Entry, Names, SalesLineWrite};
use crate::sales::for_deal;
use crate::sales::{
    LONGEST_REASON, find_customer, find_staff, given as given_text, is_no_day, need_lines, numbered, read_day,
    short_of_stock,
};
use crate::search;
use crate::setting::number::Pattern;
use crate::setting::profile;
use crate::time;

/// A quotation to create, or to change when its number is known.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct QuotationWrite {
    /// Number of the quotation to change; absent creates one.
    #[schema(example = json!(null))]
    pub(super) quotation_no: Option<String>,
    /// Reference number. When it is the number of a quotation, and `quotationNo` is absent, that quotation is changed.
    #[schema(value_type = Option<String>, example = "DRAFT2301000004")]
    pub(super) reference_no: Patch<String>,
    /// Title; required in a new quotation.
    #[schema(value_type = Option<String>, example = "Test open api edit quotation")]
    quotation_subject: Patch<String>,
    /// Its date, `YYYY-MM-DD`, in either era; required in a new quotation.
    #[schema(example = "2023-01-04")]
    quotation_date: Option<String>,
    /// The last valid day; required in a new quotation.
    #[schema(example = "2023-02-04")]
    quotation_valid_until: Option<String>,
    /// 1 draft, 2 waiting for approval, 3 waiting to be sent, 4 sent, 5 completed, 6 rejected, 7 cancelled; a new one is 1
    /// to 4. One that the company's rules want approved waits for that instead of 3 and 4.
    #[schema(example = 1)]
    quotation_status: Option<i64>,
    /// Code of the customer; required in a new quotation.
    #[schema(example = "daisy")]
    customer_code: Option<String>,
    /// Code of the salesperson; required in a new quotation.
    #[schema(example = "Admin01")]
    staff_code: Option<String>,
    /// True: prices are without VAT; false: prices contain it. Required in a new quotation.
    #[schema(example = true)]
    vat_calculation: Option<bool>,
    /// All lines; absent keeps them. Required in a new quotation; only a draft may be left without.
    quotation_details: Option<Vec<SalesLineWrite>>,
    /// True percent, false amount: required with `discountValue`.
    #[schema(value_type = Option<bool>)]
    discount_type: Patch<bool>,
    /// Off the whole; no more than the total of the lines.
    #[schema(value_type = Option<f64>)]
    discount_value: Patch<Decimal>,
    /// Label of that discount.
    #[schema(value_type = Option<String>)]
    discount_name: Patch<String>,
    /// An entry of the list `header-templates`; the first of it when it is absent.
    #[schema(value_type = Option<i64>)]
    header_template_id: Patch<i64>,
    /// Contact person.
    #[schema(value_type = Option<String>)]
    contact_name: Patch<String>,
    /// Number of the contact person; kept as it is sent.
    #[schema(value_type = Option<i64>)]
    contact_id: Patch<i64>,
    /// Currency (ISO 4217); the company's own when it is absent or null.
    #[schema(value_type = Option<String>, example = "THB")]
    currency_code: Patch<String>,
    /// So many units of the company's currency for one of this one, on the document's date.
    #[schema(value_type = Option<f64>)]
    currency_rate: Patch<Decimal>,
    /// Terms of payment.
    #[schema(value_type = Option<String>)]
    payment_term: Patch<String>,
    /// Recipient's name.
    #[schema(value_type = Option<String>)]
    recipient_name: Patch<String>,
    /// Recipient's address.
    #[schema(value_type = Option<String>)]
    recipient_address: Patch<String>,
    /// Additional details.
    #[schema(value_type = Option<String>)]
    quotation_note: Patch<String>,
    /// Remark that is printed.
    #[schema(value_type = Option<String>)]
    remark: Patch<String>,
    /// Note that is not printed.
    #[schema(value_type = Option<String>)]
    private_note: Patch<String>,
    /// Name or number of the warehouse of lines that name none.
    #[schema(value_type = Option<String>)]
    warehouse_code: Patch<String>,
    /// Why it is rejected or cancelled, when it is.
    reason: Option<String>,
    /// Id of the deal that it is for: one of the same customer. Null or 0 is none.
    #[schema(value_type = Option<i64>, example = json!(null))]
    deal_id: Patch<i64>,
    /// The same by the deal's number.
    #[schema(value_type = Option<String>, example = json!(null))]
    deal_no: Patch<String>,
}

/// How the fields are called.
pub(super) const NAMES: Names =
    Names { subject: "quotationSubject", lines: "quotationDetails", note: "quotationNote", withholding: "whTaxValue" };

impl QuotationWrite {
    fn entry(&self) -> Entry {
        let given = self.clone();
        Entry {
            subject: given.quotation_subject,
            contact_name: given.contact_name,
            contact_id: given.contact_id,
            reference: given.reference_no,
            recipient_name: given.recipient_name,
            recipient_address: given.recipient_address,
            customer_address: Patch::Keep,
            header_template: given.header_template_id,
            excludes_vat: given.vat_calculation,
            currency: given.currency_code,
            currency_rate: given.currency_rate,
            discount_name: given.discount_name,
            discount_type: given.discount_type,
            discount_value: given.discount_value,
            payment_term: given.payment_term,
            note: given.quotation_note,
            remark: given.remark,
            private_note: given.private_note,
            warehouse: given.warehouse_code,
            lines: given.quotation_details,
        }
    }

    /// What a new quotation must say.
    fn check_new(&self, faults: &mut Faults) {
        let missing = [
            ("quotationSubject", !matches!(self.quotation_subject, Patch::Set(_))),
            ("quotationDate", is_no_day(self.quotation_date.as_deref())),
            ("quotationValidUntil", is_no_day(self.quotation_valid_until.as_deref())),
            ("quotationStatus", self.quotation_status.is_none()),
            ("customerCode", given_text(self.customer_code.as_deref()).is_none()),
            ("staffCode", given_text(self.staff_code.as_deref()).is_none()),
            ("vatCalculation", self.vat_calculation.is_none()),
            ("quotationDetails", self.quotation_details.as_ref().is_none_or(Vec::is_empty)),
        ];
        for (field, _) in missing.into_iter().filter(|(_, is_missing)| *is_missing) {
            faults.add(Code::Required, field, format!("{field} is required"));
        }
    }
}

/// The quotation that a request is about, held; none when it is to be made.
async fn known(
    tx: &mut Conn,
    by: &Actor,
    input: &QuotationWrite,
    conditions: &Conditions,
    faults: &Faults,
) -> Result<Option<Row>, Error> {
    if let Some(number) = given_text(input.quotation_no.as_deref()) {
        let key = crate::sales::number_key(number);
        return faults.found(record::held::<Row>(tx, &by.caller, "number_key", key, conditions).await.map(Some));
    }
    // The older form of the request names the quotation by its reference.
    if let Patch::Set(reference) = &input.reference_no
        && let Some(reference) = given_text(Some(reference))
    {
        let key = crate::sales::number_key(reference);
        match record::held::<Row>(tx, &by.caller, "number_key", key, conditions).await {
            Ok(row) => return Ok(Some(row)),
            Err(Error::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
    }
    conditions.allow_change(None)?;
    Ok(None)
}

/// Creates a quotation, or changes the one that the request names. `given` is the number of one that comes from elsewhere.
pub(crate) async fn put(
    tx: &mut Conn,
    by: &Actor,
    input: &QuotationWrite,
    conditions: &Conditions,
    mut faults: Faults,
    given: Option<&str>,
) -> Result<Saved<Row>, Error> {
    let company = by.caller.company;
    let old = known(tx, by, input, conditions, &faults).await?;
    if old.is_none() {
        input.check_new(&mut faults);
    }
    let setting = profile::of(tx, company).await?;
    let zone = time::zone(tx, company).await?;
    let today = time::day_of(by.now, &zone);
    let was = old.as_ref().map(Row::content);
    let mut entry = input.entry();
    if old.as_ref().is_some_and(|old| matches!(&input.reference_no, Patch::Set(text) if is(old, text))) {
        entry.reference = Patch::Keep;
    }
    let own = old.as_ref().map(|old| old.customer);
    let staff = find_staff(tx, company, input.staff_code.as_deref(), &mut faults).await?;
    let dated = read_day("quotationDate", input.quotation_date.as_deref(), &zone, &mut faults);
    let until = read_day("quotationValidUntil", input.quotation_valid_until.as_deref(), &zone, &mut faults);
    let content = entry::content(tx, (company, by.now), &setting, NAMES, was.as_ref(), &entry, &mut faults).await?;
    // The first that is held, unless the quotation is: until here others write, on SQLite, too.
    let customer = find_customer(tx, &by.caller, input.customer_code.as_deref(), own, &mut faults).await?;
    let wanted = input.quotation_status.map(|number| {
        let status = Status::of(number).filter(|status| old.is_some() || status.number() <= Status::Sent.number());
        status.unwrap_or_else(|| {
            let most = if old.is_some() { 7 } else { 4 };
            let message = format!("quotationStatus must be from 1 to {most}");
            faults.add(Code::InvalidValue, "quotationStatus", message);
            Status::Draft
        })
    });
    let mut row = match &old {
        Some(old) => old.clone(),
        None => blank(by, today),
    };
    if let Some(day) = dated {
        row.dated = day.to_string();
    }
    if let Some(day) = until {
        row.valid_until = day.to_string();
    }
    if row.valid_until < row.dated {
        let message = "quotationValidUntil must not be before quotationDate";
        faults.add(Code::OutOfRange, "quotationValidUntil", message);
    }
    let asked = for_deal::Asked { id: &input.deal_id, number: &input.deal_no };
    let bought_by = customer.or(old.as_ref().map(|old| old.customer));
    let deal = row.deal.zip(row.deal_no.take());
    let moves = old.as_ref().zip(bought_by).is_some_and(|(old, now)| old.customer != now);
    (row.deal, row.deal_no) = for_deal::of(tx, by, asked, deal, bought_by, &mut faults).await?.unzip();
    if let Some(number) = row.deal_no.as_ref().filter(|_| moves && row.deal == old.as_ref().and_then(|old| old.deal)) {
        let message = format!("The quotation is for deal {number} of its customer; send dealNo null to remove it");
        faults.add(Code::InvalidValue, "customerCode", message);
    }
    let status = wanted.or(old.as_ref().map(Row::status)).unwrap_or(Status::Draft);
    let ends = matches!(status, Status::Rejected | Status::Cancelled);
    if status != Status::Draft && (!ends || input.quotation_details.is_some()) {
        need_lines(&content.lines, NAMES.lines, &mut faults);
    }
    let reason = input.reason.as_deref().map(search::trimmed);
    faults.longest("reason", reason.unwrap_or_default(), LONGEST_REASON);
    faults.end()?;
    if let Some(customer) = customer {
        row.customer = customer;
    }
    if let Some((owner, code)) = staff {
        row.owner = Some(owner);
        row.staff_code = code;
    }
    row.set_content(content);
    row.is_expired = row.valid_until.parse::<Date>().is_ok_and(|last| last < today);
    let before = old.as_ref().map(|old| (old.content(), old.customer, old.dated.clone(), old.valid_until.clone()));
    let changed = before.as_ref() != Some(&(row.content(), row.customer, row.dated.clone(), row.valid_until.clone()));
    // A note that nobody outside sees is no other offer: links to it stay good.
    let is_seen_to_differ = changed
        && old.as_ref().is_none_or(|old| {
            let shown = |row: &Row| (row.content().shown(), row.customer, row.dated.clone(), row.valid_until.clone());
            shown(old) != shown(&row)
        });
    let is_other = changed
        && old.as_ref().is_none_or(|old| {
            let terms = |row: &Row| (row.customer, row.dated.clone(), row.valid_until.clone());
            terms(old) != terms(&row) || old.content().judged() != row.content().judged()
        });
    // What stands without approval, and is not changed, is not judged by rules that came later.
    let stands = !is_other
        && row.approval.is_none()
        && old
            .as_ref()
            .is_some_and(|old| matches!(old.status(), Status::WaitingToBeSent | Status::Sent | Status::Completed));
    if !stands {
        row.approval = Approval::after(row.approval.take(), &setting.sales, &row.content(), is_other);
    }
    let event = settle(&mut row, old.as_ref(), wanted, changed)?;
    if matches!(row.status(), Status::Rejected | Status::Cancelled) && reason.is_some() {
        row.reason = reason.map(str::to_owned);
    }
    let goes_on = row.status().is_offered() && old.as_ref().is_some_and(|old| !old.status().is_offered());
    if row.status() != Status::Draft && row.status().is_open() && (changed || goes_on) {
        short_of_stock(tx, by, &setting, &row.lines, NAMES.lines).await?;
    }
    match &old {
        // What is taken back from outside ends the links to it, before anything is edited: nobody accepts what the page
        // has never shown.
        Some(old)
            if is_known_outside(old.status())
                && (is_seen_to_differ || (!is_known_outside(row.status()) && row.status().is_open())) =>
        {
            revision::keep(tx, by, old).await?;
            row.revision += 1;
            row.acceptance = None;
        }
        Some(_) => {}
        None => {
            row.id = crate::setting::number::next(tx, company, "quotation").await?;
            let pattern = setting.numbers.get("quotation").cloned().unwrap_or_else(|| Pattern::usual("QT"));
            let day = row.dated.parse().unwrap_or(today);
            row.number = numbered(tx, company, ("quotation", &pattern), (day, "00000"), given).await?;
            row.number_key = crate::sales::number_key(&row.number);
        }
    }
    record::save_as(tx, by, old, row, event).await
}

/// Whether others may have seen it as it was.
fn is_known_outside(status: Status) -> bool {
    !matches!(status, Status::Draft | Status::WaitingForApproval)
}

fn is(row: &Row, number: &str) -> bool {
    crate::sales::number_key(number) == row.number_key
}

/// A quotation without anything.
pub(super) fn blank(by: &Actor, today: Date) -> Row {
    Row {
        company: by.caller.company,
        id: 0,
        number: String::new(),
        number_key: String::new(),
        revision: 1,
        status: Status::Draft.number(),
        dated: today.to_string(),
        valid_until: today.to_string(),
        is_expired: false,
        customer: 0,
        owner: None,
        staff_code: String::new(),
        subject: String::new(),
        contact_name: None,
        recipient_name: None,
        recipient_address: None,
        note: None,
        remark: None,
        private_note: None,
        terms: crate::sales::content::Terms::default(),
        lines: Vec::new(),
        money: crate::sales::content::Money::default(),
        grand_total: db::Amount::ZERO,
        approval: None,
        acceptance: None,
        sales_order: None,
        deal: None,
        deal_no: None,
        reason: None,
        search_key: String::new(),
        created_by: by.caller.id.clone(),
        created_at: by.now,
        modified_by: by.caller.id.clone(),
        modified_at: by.now,
        version: 0,
        deleted_at: None,
    }
}

/// The status after a write, by what is wanted and what the rules demand; answers the name of its event.
fn settle(row: &mut Row, old: Option<&Row>, wanted: Option<Status>, changed: bool) -> Result<&'static str, Error> {
    let from = old.map(Row::status);
    let mut to = wanted.or(from).unwrap_or(Status::Draft);
    if matches!(to, Status::WaitingToBeSent | Status::Sent | Status::Completed)
        && !Approval::allows(row.approval.as_ref())
    {
        to = Status::WaitingForApproval;
    }
    if !matches!(to, Status::Rejected | Status::Cancelled) {
        row.approval = row.approval.take().map(Approval::again);
    }
    // One that is handed in for approval waits for it, whether the rules demand that or not.
    if to == Status::WaitingForApproval && Approval::allows(row.approval.as_ref()) {
        let approval = Approval { state: "waiting".to_owned(), why: Vec::new(), by: None, at: None, reason: None };
        row.approval = Some(approval);
    }
    let Some(from) = from else {
        row.status = to.number();
        return Ok("Created");
    };
    if changed && !from.is_open() {
        let message = format!("Quotation {} is {} and cannot be changed", row.number, from.word());
        return Err(Error::Conflict(Fault::new(Code::Conflict, "quotationNo", message)));
    }
    if from == to {
        return Ok("Updated");
    }
    status::must(&row.number, from, to, Who::Editor)?;
    row.status = to.number();
    if !matches!(to, Status::Rejected | Status::Cancelled) {
        row.reason = None;
        // Whoever declined may answer anew.
        if from == Status::Rejected {
            row.acceptance = None;
        }
    }
    Ok(to.event())
}
