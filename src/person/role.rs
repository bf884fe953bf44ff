//! Roles: what a person may do, and with whose records. They are entries of the look-up list of roles.

use db::Conn;
use serde_json::{Value, json};

use crate::http::{Code, Error};
use crate::setting::choice::{self, Choice, New};
use crate::setting::list::List;

/// The standard roles: name, name in English, scopes, and whose records.
pub(crate) const STANDARD: [(&str, &str, &[&str], &str); 5] = [
    ("เจ้าของ", OWNER, &["*"], "all"),
    ("ผู้ดูแล", "Administrator", &["*"], "all"),
    (
        "หัวหน้างาน",
        "Supervisor",
        &[
            "*:read",
            "chat:*",
            "customer:*",
            "product:*",
            "task:*",
            "activity:*",
            "case:*",
            "deal:*",
            "quotation:*",
            "salesorder:*",
            "import:*",
        ],
        "team",
    ),
    (
        "เจ้าหน้าที่",
        "Agent",
        &[
            "chat:*",
            "customer:*",
            "product:read",
            "employee:read",
            "setting:read",
            "mail:read",
            "task:*",
            "activity:*",
            "case:*",
            "deal:*",
            "quotation:*",
            "salesorder:*",
        ],
        "own",
    ),
    (
        "ผู้ชม",
        "Viewer",
        &[
            "chat:read",
            "customer:read",
            "product:read",
            "employee:read",
            "setting:read",
            "task:read",
            "activity:read",
            "case:read",
            "deal:read",
            "quotation:read",
            "salesorder:read",
        ],
        "all",
    ),
];

/// The English name of the role that may do everything.
pub(crate) const OWNER: &str = "Owner";

/// What an entry of the standard roles holds beyond its names.
pub(crate) fn detail(scopes: &[&str], range: &str) -> Value {
    json!({"scopes": scopes, "range": range})
}

/// Whose records a role is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    Own,
    Team,
    All,
}

impl Reach {
    /// The API's word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Reach::Own => "own",
            Reach::Team => "team",
            Reach::All => "all",
        }
    }

    /// What a role says. One that says nothing is of a time before ranges: whoever may do everything may do it with all records.
    pub(crate) fn of(detail: Option<&Value>) -> Reach {
        match detail.and_then(|detail| detail["range"].as_str()) {
            Some("all") => Reach::All,
            Some("team") => Reach::Team,
            Some(_) => Reach::Own,
            None if patterns(detail).contains(&"*") => Reach::All,
            None => Reach::Team,
        }
    }
}

fn patterns(detail: Option<&Value>) -> Vec<&str> {
    let scopes = detail.and_then(|detail| detail["scopes"].as_array());
    scopes.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Whether a role may do everything.
pub(crate) fn is_all(detail: Option<&Value>) -> bool {
    patterns(detail).contains(&"*")
}

/// Which of these scopes a role grants: `*` is every one, `chat:*` and `*:read` are all of an area or of a kind.
pub(crate) fn granted(detail: Option<&Value>, known: &[String]) -> Vec<String> {
    let patterns = patterns(detail);
    let fits = |scope: &str, pattern: &str| {
        let Some((area, act)) = scope.split_once(':') else { return scope == pattern };
        pattern == "*"
            || pattern.split_once(':').is_some_and(|(a, b)| (a == "*" || a == area) && (b == "*" || b == act))
    };
    known.iter().filter(|scope| patterns.iter().any(|pattern| fits(scope, pattern))).cloned().collect()
}

/// Makes the standard roles where they are missing: companies that are older than they are have others.
pub(crate) async fn ensure(tx: &mut Conn, company: i64) -> Result<(), Error> {
    let known = choice::all(tx, company, List::Roles).await?;
    for (name, name_en, scopes, range) in STANDARD {
        let is_there = known.iter().any(|role| {
            choice::key(&role.name) == choice::key(name)
                || role.name_en.as_deref().is_some_and(|english| choice::key(english) == choice::key(name_en))
        });
        if !is_there {
            let detail = detail(scopes, range);
            let new = New { name, name_en: Some(name_en), detail: Some(&detail), ..New::default() };
            choice::create(tx, company, List::Roles, &new).await?;
        }
    }
    Ok(())
}

/// A role in use, by its number or by its Thai or English name.
pub(crate) async fn find(conn: &mut Conn, company: i64, field: &str, wanted: &str) -> Result<Choice, Error> {
    let all = choice::all(conn, company, List::Roles).await?;
    let key = choice::key(wanted);
    let fits = |role: &&Choice| {
        role.id.to_string() == key
            || choice::key(&role.name) == key
            || role.name_en.as_deref().is_some_and(|english| choice::key(english) == key)
    };
    if let Some(role) = all.iter().filter(|role| role.is_active).find(fits) {
        return Ok(role.clone());
    }
    let known: Vec<&str> =
        all.iter().filter(|role| role.is_active).map(|role| role.name_en.as_deref().unwrap_or(&role.name)).collect();
    Err(Error::invalid(Code::InvalidValue, field, format!("{field} “{wanted}” is not one of {}", known.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_grants_scopes_by_patterns() {
        let known: Vec<String> = ["chat:read", "chat:write", "user:read", "user:write"].map(str::to_owned).to_vec();
        let of = |scopes: &[&str]| granted(Some(&detail(scopes, "all")), &known).join(" ");
        assert_eq!(of(&["*"]), "chat:read chat:write user:read user:write");
        assert_eq!(of(&["*:read", "chat:write"]), "chat:read chat:write user:read");
        assert_eq!(of(&["chat:*"]), "chat:read chat:write");
        assert_eq!(of(&["cha:read", "chat"]), "");
        assert_eq!(Reach::of(Some(&json!({"scopes": ["*"]}))), Reach::All);
        assert_eq!(Reach::of(Some(&json!({"scopes": ["chat:read"]}))), Reach::Team);
        assert_eq!(Reach::of(None), Reach::Team);
    }
}
