//! What a customer is written with: the request, its checks, and the part of the record that is kept as entered.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::{Code, Error, Fault, Faults, Patch};
use crate::{search, time};

/// A customer to create, or to update when the code is known. What is absent stays as it is; null clears it.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CustomerWrite {
    /// The key, in any letter case. Absent or null: the customer is created under the next code. A code that is not known
    /// is created as it is given.
    #[schema(example = json!(null))]
    pub customer_code: Option<String>,
    /// Name; no other customer of the company may have it.
    #[schema(example = "Daaisyy")]
    pub customer_name: String,
    /// 1 lead, 2 prospect, 3 customer.
    #[schema(example = 3)]
    pub customer_state: i64,
    /// 0 active, 1 ended, 2 closed; 1 and 2 need a `customerNote`.
    #[schema(value_type = Option<i64>, example = 0)]
    pub customer_status: Patch<i64>,
    /// 1 business, 2 individual.
    #[schema(value_type = Option<i64>, example = 2)]
    pub customer_type: Patch<i64>,
    /// Address of a picture.
    #[schema(value_type = Option<String>)]
    pub customer_picture: Patch<String>,
    /// Second name, for example in another language.
    #[schema(rename = "customer2ndName", value_type = Option<String>, example = "ng")]
    #[serde(rename = "customer2ndName")]
    pub customer_second_name: Patch<String>,
    /// Other names.
    #[schema(value_type = Option<Vec<String>>, example = json!(["testOpenApi"]))]
    pub customer_aliases: Patch<Vec<String>>,
    /// Tax number.
    #[schema(value_type = Option<String>, example = "0000000000111")]
    pub customer_tax_no: Patch<String>,
    /// Branch of the tax registration: five digits, 00000 for the head office.
    #[schema(value_type = Option<String>, example = json!(null))]
    pub branch_code: Patch<String>,
    /// Telephone, kept as it is typed.
    #[schema(value_type = Option<String>, example = "+66660018286")]
    pub customer_phone: Patch<String>,
    /// Mobile telephone.
    #[schema(value_type = Option<String>, example = "+66660018286")]
    pub customer_mobile: Patch<String>,
    /// E-mail.
    #[schema(value_type = Option<String>, example = "daisy@example.com")]
    pub customer_email: Patch<String>,
    /// Position at work.
    #[schema(value_type = Option<String>, example = "staff")]
    pub customer_position: Patch<String>,
    /// 1 male, 2 female.
    #[schema(value_type = Option<i64>, example = 2)]
    pub customer_gender: Patch<i64>,
    /// 1 single, 2 engaged, 3 married, 4 separated, 5 divorced, 6 widowed.
    #[schema(value_type = Option<i64>, example = 2)]
    pub customer_marital_status: Patch<i64>,
    /// Date of birth, `YYYY-MM-DD`.
    #[schema(value_type = Option<String>, example = "2000-06-04")]
    pub customer_birthdate: Patch<String>,
    /// Income, as text.
    #[schema(value_type = Option<String>, example = "50000")]
    pub customer_income: Patch<String>,
    /// Credit limit, as text; kept and not used.
    #[schema(value_type = Option<String>, example = json!(null))]
    pub credit_limit: Patch<String>,
    /// Places of the customer: the whole list.
    #[schema(value_type = Option<Vec<CustomerAddress>>)]
    pub addresses: Patch<Vec<CustomerAddress>>,
    /// Where the customer comes from; made when it is new.
    #[schema(value_type = Option<String>, example = "Website")]
    pub source_name: Patch<String>,
    /// Customer group; made when it is new.
    #[schema(value_type = Option<String>, example = "CRM")]
    pub customer_group_name: Patch<String>,
    /// 1 new, 2 follow-up, 3 unqualified, 4 interested. When absent in a new record or with another `customerState`:
    /// 1 for a lead, 4 for the others.
    #[schema(value_type = Option<i64>, example = 4)]
    pub lead_status: Patch<i64>,
    /// Title of the reason; needed with `leadStatus` 3 and `customerState` 1.
    #[schema(value_type = Option<String>, example = json!(null))]
    pub unqulified_reason_name: Patch<String>,
    /// Explanation of the reason; needed with `leadStatus` 3 and `customerState` 1.
    #[schema(value_type = Option<String>, example = json!(null))]
    pub unqulified_reason_note: Patch<String>,
    /// Interests: the whole list; made when they are new.
    #[schema(value_type = Option<Vec<String>>, example = json!([]))]
    pub interests_name: Patch<Vec<String>>,
    /// Tags: the whole list; made when they are new.
    #[schema(value_type = Option<Vec<String>>, example = json!([]))]
    pub customer_tags: Patch<Vec<String>>,
    /// Class, at most 3 characters; made when it is new.
    #[schema(value_type = Option<String>, example = "S")]
    pub classification_name: Patch<String>,
    /// Contact persons: the whole list. An individual's one may come as `contact`.
    #[schema(value_type = Option<Vec<CustomerContact>>)]
    #[serde(alias = "contact")]
    pub contacts: Patch<Vec<CustomerContact>>,
    /// Accounts in social networks; a network that is absent keeps its account.
    #[schema(value_type = Option<CustomerSocialAccountWrite>)]
    pub customer_social_account: Patch<CustomerSocialAccountWrite>,
    /// Custom fields by display name: those that are named change, an empty list of values takes one away.
    #[schema(value_type = Option<Vec<CustomerCustomField>>)]
    pub custom_fields: Patch<Vec<CustomerCustomField>>,
    /// Note; needed with `customerStatus` 1 or 2.
    #[schema(value_type = Option<String>, example = "create for test")]
    pub customer_note: Patch<String>,
    /// Staff codes of those who look after the customer: the whole list. A code that is not known yet is kept, with a
    /// warning.
    #[schema(value_type = Option<Vec<String>>, example = json!(["Admin01"]))]
    pub owners: Patch<Vec<String>>,
}

/// A place of a customer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CustomerAddress {
    /// Address.
    #[schema(example = "samutsakhon")]
    pub location_address: Option<String>,
    /// Name of the place.
    #[schema(example = "samutsakhon")]
    pub location_name: Option<String>,
    /// 1 billing, 2 shipping.
    #[schema(example = 2)]
    pub location_type: Option<i64>,
    /// Latitude in degrees, as text.
    #[schema(example = "0.00")]
    pub latitude: Option<String>,
    /// Longitude in degrees, as text.
    #[schema(example = "20.34")]
    pub longitude: Option<String>,
}

/// A contact person of a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CustomerContact {
    /// Name of the person.
    #[schema(example = "Contact002")]
    pub contact_name: String,
    /// Whether the contact is active; true when absent.
    #[schema(example = true)]
    pub contact_status: Option<bool>,
    /// Telephone.
    pub contact_phone: Option<String>,
    /// Mobile telephone.
    #[schema(example = "1234567890")]
    pub contact_mobile: Option<String>,
    /// E-mail.
    pub contact_email: Option<String>,
    /// Position at work.
    #[schema(example = "Intern")]
    pub contact_position: Option<String>,
    /// Date of birth, `YYYY-MM-DD`.
    #[schema(example = "2000-06-04")]
    pub contact_birthdate: Option<String>,
    /// Note.
    #[schema(example = "test open api")]
    pub contact_note: Option<String>,
    /// Address of a picture.
    pub contact_picture: Option<String>,
    /// Accounts in social networks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<CustomerSocialAccount>)]
    pub contact_social_account: Option<CustomerSocialAccount>,
}

/// Accounts in social networks as they are written.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
pub struct CustomerSocialAccountWrite {
    /// Name at Facebook.
    #[schema(value_type = Option<String>, example = "")]
    pub facebook: Patch<String>,
    /// Name at Instagram.
    #[schema(value_type = Option<String>)]
    pub instagram: Patch<String>,
    /// Id at LINE.
    #[schema(value_type = Option<String>)]
    pub line: Patch<String>,
    /// Name at LinkedIn.
    #[schema(value_type = Option<String>)]
    pub linkedin: Patch<String>,
    /// Name at Skype.
    #[schema(value_type = Option<String>)]
    pub skype: Patch<String>,
    /// Name at Telegram.
    #[schema(value_type = Option<String>)]
    pub telegram: Patch<String>,
    /// Id at WeChat.
    #[schema(value_type = Option<String>)]
    pub wechat: Patch<String>,
    /// Number at WhatsApp.
    #[schema(value_type = Option<String>)]
    pub whatsapp: Patch<String>,
}

/// Accounts in social networks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct CustomerSocialAccount {
    /// Name at Facebook.
    pub facebook: Option<String>,
    /// Name at Instagram.
    pub instagram: Option<String>,
    /// Id at LINE.
    pub line: Option<String>,
    /// Name at LinkedIn.
    pub linkedin: Option<String>,
    /// Name at Skype.
    pub skype: Option<String>,
    /// Name at Telegram.
    pub telegram: Option<String>,
    /// Id at WeChat.
    pub wechat: Option<String>,
    /// Number at WhatsApp.
    pub whatsapp: Option<String>,
}

impl CustomerSocialAccount {
    /// Each network's name and account, where there is one.
    pub fn known(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            ("facebook", &self.facebook),
            ("instagram", &self.instagram),
            ("line", &self.line),
            ("linkedin", &self.linkedin),
            ("skype", &self.skype),
            ("telegram", &self.telegram),
            ("wechat", &self.wechat),
            ("whatsapp", &self.whatsapp),
        ]
        .into_iter()
        .filter_map(|(network, account)| Some((network, account.as_deref()?)))
    }
}

/// A custom field of a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CustomerCustomField {
    /// Display name: the key.
    #[schema(example = "UTM Source")]
    pub custom_field_name: String,
    /// Values.
    #[serde(default)]
    #[schema(example = json!(["newsletter"]))]
    pub custom_field_value: Vec<String>,
}

/// What is kept as entered, in one JSON column: nothing is looked for by it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Profile {
    pub(crate) picture: Option<String>,
    pub(crate) second_name: Option<String>,
    pub(crate) aliases: Vec<String>,
    pub(crate) position: Option<String>,
    pub(crate) gender: Option<i64>,
    pub(crate) marital_status: Option<i64>,
    pub(crate) birthdate: Option<String>,
    pub(crate) income: Option<String>,
    pub(crate) credit_limit: Option<String>,
    pub(crate) addresses: Vec<CustomerAddress>,
    pub(crate) reason_note: Option<String>,
    pub(crate) contacts: Vec<CustomerContact>,
    pub(crate) social: CustomerSocialAccount,
    pub(crate) custom_fields: Vec<CustomerCustomField>,
    pub(crate) note: Option<String>,
    /// Records that were merged into this one: found by what they were known by.
    pub(crate) former: Vec<Former>,
}

/// A record that was merged into this one, as far as this one does not say the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Former {
    /// The merge that brought it.
    pub(crate) merge: i64,
    /// Its code.
    pub(crate) code: String,
    /// Its telephones, as they were typed.
    pub(crate) phones: Vec<String>,
    /// Its second name, e-mail and tax number.
    pub(crate) words: Vec<String>,
}

/// The longest lists that a record may have.
const MOST_ITEMS: usize = 200;

impl CustomerWrite {
    /// Looks at every field that can be judged without the record; `found` is what the decoder found.
    pub(crate) fn check(&self, found: Vec<Fault>) -> Result<(), Error> {
        let mut faults = Faults::new(found);
        faults.required("customerName", &self.customer_name, 300);
        faults.one_of("customerState", self.customer_state, &[1, 2, 3]);
        if let Some(code) = &self.customer_code {
            faults.longest("customerCode", code, 50);
            if code.contains('/') {
                faults.add(Code::InvalidFormat, "customerCode", "customerCode must not contain a slash");
            }
        }
        self.check_numbers(&mut faults);
        self.check_texts(&mut faults);
        self.check_lists(&mut faults);
        faults.end()
    }

    fn check_numbers(&self, faults: &mut Faults) {
        let numbers: [(&str, &Patch<i64>, &[i64]); 5] = [
            ("customerStatus", &self.customer_status, &[0, 1, 2]),
            ("customerType", &self.customer_type, &[1, 2]),
            ("customerGender", &self.customer_gender, &[1, 2]),
            ("customerMaritalStatus", &self.customer_marital_status, &[1, 2, 3, 4, 5, 6]),
            ("leadStatus", &self.lead_status, &[1, 2, 3, 4]),
        ];
        for (field, value, allowed) in numbers {
            if let Patch::Set(value) = value {
                faults.one_of(field, *value, allowed);
            }
        }
    }

    fn check_texts(&self, faults: &mut Faults) {
        let texts: [(&str, &Patch<String>, usize); 17] = [
            ("customerPicture", &self.customer_picture, 2000),
            ("customer2ndName", &self.customer_second_name, 300),
            ("customerTaxNo", &self.customer_tax_no, 50),
            ("branchCode", &self.branch_code, 50),
            ("customerPhone", &self.customer_phone, 100),
            ("customerMobile", &self.customer_mobile, 100),
            ("customerEmail", &self.customer_email, 254),
            ("customerPosition", &self.customer_position, 200),
            ("customerIncome", &self.customer_income, 100),
            ("creditLimit", &self.credit_limit, 100),
            ("sourceName", &self.source_name, 200),
            ("customerGroupName", &self.customer_group_name, 200),
            ("unqulifiedReasonName", &self.unqulified_reason_name, 200),
            ("unqulifiedReasonNote", &self.unqulified_reason_note, 2000),
            ("classificationName", &self.classification_name, 3),
            ("customerNote", &self.customer_note, 10_000),
            ("customerBirthdate", &self.customer_birthdate, 50),
        ];
        for (field, text, longest) in texts {
            if let Patch::Set(text) = text {
                faults.longest(field, text, longest);
            }
        }
        if let Patch::Set(day) = &self.customer_birthdate {
            check_day(faults, "customerBirthdate", day);
        }
        if let Patch::Set(email) = &self.customer_email {
            faults.email("customerEmail", email);
        }
    }

    fn check_lists(&self, faults: &mut Faults) {
        let names: [(&str, &Patch<Vec<String>>, usize); 4] = [
            ("customerAliases", &self.customer_aliases, 300),
            ("interestsName", &self.interests_name, 200),
            ("customerTags", &self.customer_tags, 200),
            ("owners", &self.owners, 50),
        ];
        for (field, list, longest) in names {
            let Patch::Set(list) = list else { continue };
            check_length(faults, field, list.len());
            for (index, name) in list.iter().enumerate() {
                faults.longest(&format!("{field}[{index}]"), name, longest);
            }
        }
        if let Patch::Set(addresses) = &self.addresses {
            check_length(faults, "addresses", addresses.len());
            for (index, address) in addresses.iter().enumerate() {
                check_address(faults, &format!("addresses[{index}]"), address);
            }
        }
        if let Patch::Set(contacts) = &self.contacts {
            check_length(faults, "contacts", contacts.len());
            for (index, contact) in contacts.iter().enumerate() {
                check_contact(faults, &format!("contacts[{index}]"), contact);
            }
        }
        if let Patch::Set(fields) = &self.custom_fields {
            check_length(faults, "customFields", fields.len());
            for (index, field) in fields.iter().enumerate() {
                let path = format!("customFields[{index}]");
                faults.required(&format!("{path}.customFieldName"), &field.custom_field_name, 200);
                check_length(faults, &format!("{path}.customFieldValue"), field.custom_field_value.len());
                for (index, value) in field.custom_field_value.iter().enumerate() {
                    faults.longest(&format!("{path}.customFieldValue[{index}]"), value, 2000);
                }
            }
        }
        if let Patch::Set(social) = &self.customer_social_account {
            for (network, account) in social.each() {
                if let Patch::Set(account) = account {
                    faults.longest(&format!("customerSocialAccount.{network}"), account, 200);
                }
            }
        }
    }

    /// The kept part after the update of what was stored. A text of spaces is no text.
    pub(super) fn profile(&self, was: &Profile) -> Profile {
        Profile {
            picture: text(&self.customer_picture, was.picture.as_deref()),
            second_name: text(&self.customer_second_name, was.second_name.as_deref()),
            aliases: names(&self.customer_aliases, &was.aliases),
            position: text(&self.customer_position, was.position.as_deref()),
            gender: self.customer_gender.clone().over(was.gender),
            marital_status: self.customer_marital_status.clone().over(was.marital_status),
            birthdate: day(&self.customer_birthdate, was.birthdate.as_deref()),
            income: text(&self.customer_income, was.income.as_deref()),
            credit_limit: text(&self.credit_limit, was.credit_limit.as_deref()),
            addresses: list(&self.addresses, &was.addresses),
            reason_note: text(&self.unqulified_reason_note, was.reason_note.as_deref()),
            contacts: list(&self.contacts, &was.contacts),
            social: match &self.customer_social_account {
                Patch::Keep => was.social.clone(),
                Patch::Clear => CustomerSocialAccount::default(),
                Patch::Set(social) => social.over(&was.social),
            },
            custom_fields: match &self.custom_fields {
                Patch::Keep => was.custom_fields.clone(),
                Patch::Clear => Vec::new(),
                Patch::Set(fields) => merge_fields(&was.custom_fields, fields),
            },
            note: text(&self.customer_note, was.note.as_deref()),
            former: was.former.clone(),
        }
    }
}

impl CustomerSocialAccountWrite {
    fn each(&self) -> [(&'static str, &Patch<String>); 8] {
        [
            ("facebook", &self.facebook),
            ("instagram", &self.instagram),
            ("line", &self.line),
            ("linkedin", &self.linkedin),
            ("skype", &self.skype),
            ("telegram", &self.telegram),
            ("wechat", &self.wechat),
            ("whatsapp", &self.whatsapp),
        ]
    }

    fn over(&self, was: &CustomerSocialAccount) -> CustomerSocialAccount {
        CustomerSocialAccount {
            facebook: text(&self.facebook, was.facebook.as_deref()),
            instagram: text(&self.instagram, was.instagram.as_deref()),
            line: text(&self.line, was.line.as_deref()),
            linkedin: text(&self.linkedin, was.linkedin.as_deref()),
            skype: text(&self.skype, was.skype.as_deref()),
            telegram: text(&self.telegram, was.telegram.as_deref()),
            wechat: text(&self.wechat, was.wechat.as_deref()),
            whatsapp: text(&self.whatsapp, was.whatsapp.as_deref()),
        }
    }
}

/// A text after an update: trimmed, and none when nothing is left of it.
pub(super) fn text(patch: &Patch<String>, was: Option<&str>) -> Option<String> {
    match patch {
        Patch::Keep => was.map(str::to_owned),
        Patch::Clear => None,
        Patch::Set(text) => Some(search::trimmed(text).to_owned()).filter(|text| !text.is_empty()),
    }
}

/// A list of names after an update: trimmed, without blanks, each once whatever its letter case.
pub(super) fn names(patch: &Patch<Vec<String>>, was: &[String]) -> Vec<String> {
    let Patch::Set(given) = patch else { return list(patch, was) };
    let mut names: Vec<String> = Vec::new();
    for name in given.iter().map(|name| search::trimmed(name)).filter(|name| !name.is_empty()) {
        if !names.iter().any(|known| search::fold(known) == search::fold(name)) {
            names.push(name.to_owned());
        }
    }
    names
}

fn list<T: Clone>(patch: &Patch<Vec<T>>, was: &[T]) -> Vec<T> {
    match patch {
        Patch::Keep => was.to_vec(),
        Patch::Clear => Vec::new(),
        Patch::Set(list) => list.clone(),
    }
}

fn day(patch: &Patch<String>, was: Option<&str>) -> Option<String> {
    let day = text(patch, was).filter(|day| !time::is_unset(day))?;
    Some(time::read_day(&day).map_or(day, |day| day.to_string()))
}

fn merge_fields(was: &[CustomerCustomField], given: &[CustomerCustomField]) -> Vec<CustomerCustomField> {
    let mut fields = was.to_vec();
    for field in given {
        let name = search::trimmed(&field.custom_field_name);
        let values: Vec<String> =
            field.custom_field_value.iter().filter(|value| !value.trim().is_empty()).cloned().collect();
        let place = fields.iter().position(|known| search::fold(&known.custom_field_name) == search::fold(name));
        match (place, values.is_empty()) {
            (Some(place), true) => drop(fields.remove(place)),
            (Some(place), false) => {
                if let Some(known) = fields.get_mut(place) {
                    known.custom_field_value = values;
                }
            }
            (None, true) => {}
            (None, false) => {
                fields.push(CustomerCustomField { custom_field_name: name.to_owned(), custom_field_value: values });
            }
        }
    }
    fields
}

fn check_length(faults: &mut Faults, field: &str, length: usize) {
    if length > MOST_ITEMS {
        faults.add(Code::TooLong, field, format!("{field} may have {MOST_ITEMS} entries"));
    }
}

fn check_day(faults: &mut Faults, field: &str, day: &str) {
    if !day.trim().is_empty() && !time::is_unset(day) && time::read_day(day).is_none() {
        faults.add(Code::InvalidFormat, field, format!("{field} must be a day, YYYY-MM-DD"));
    }
}

fn check_address(faults: &mut Faults, path: &str, address: &CustomerAddress) {
    if let Some(kind) = address.location_type {
        faults.one_of(&format!("{path}.locationType"), kind, &[1, 2]);
    }
    faults.longest(&format!("{path}.locationAddress"), address.location_address.as_deref().unwrap_or_default(), 1000);
    faults.longest(&format!("{path}.locationName"), address.location_name.as_deref().unwrap_or_default(), 200);
    for (name, text, most) in [("latitude", &address.latitude, 90.0), ("longitude", &address.longitude, 180.0)] {
        let Some(text) = text.as_deref().filter(|text| !text.trim().is_empty()) else { continue };
        if !text.trim().parse::<f64>().is_ok_and(|degrees| degrees.abs() <= most) {
            let field = format!("{path}.{name}");
            faults.add(Code::OutOfRange, field.as_str(), format!("{field} must be degrees from -{most} to {most}"));
        }
    }
}

fn check_contact(faults: &mut Faults, path: &str, contact: &CustomerContact) {
    faults.required(&format!("{path}.contactName"), &contact.contact_name, 300);
    let texts = [
        ("contactPhone", &contact.contact_phone, 100),
        ("contactMobile", &contact.contact_mobile, 100),
        ("contactEmail", &contact.contact_email, 254),
        ("contactPosition", &contact.contact_position, 200),
        ("contactNote", &contact.contact_note, 2000),
        ("contactPicture", &contact.contact_picture, 2000),
    ];
    for (name, text, longest) in texts {
        faults.longest(&format!("{path}.{name}"), text.as_deref().unwrap_or_default(), longest);
    }
    for (network, account) in contact.contact_social_account.iter().flat_map(CustomerSocialAccount::known) {
        faults.longest(&format!("{path}.contactSocialAccount.{network}"), account, 200);
    }
    faults.email(&format!("{path}.contactEmail"), contact.contact_email.as_deref().unwrap_or_default());
    check_day(faults, &format!("{path}.contactBirthdate"), contact.contact_birthdate.as_deref().unwrap_or_default());
}
