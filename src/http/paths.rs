//! Literal path segments match without regard to case: the original pages mix `/connect/token` and `/Connect/Token`.

use std::collections::HashMap;

use axum::extract::Request;
use axum::http::uri::PathAndQuery;
use axum::http::{Method, Uri};

/// Other spellings of guessed paths: method, path, and the path under which the operation is served. What stands for
/// `{}`, or is the value of the query parameter that a path ends with, takes the place of `{}` there.
const ALIASES: &[(Method, &str, &str)] = &[
    (Method::GET, "/v3/customers/customername/{}", "/v3/customers/name/{}"),
    (Method::GET, "/v3/customers/name?customerName", "/v3/customers/name/{}"),
    (Method::GET, "/v3/customers?customerName", "/v3/customers/name/{}"),
    (Method::POST, "/v2/customers/enquiry", "/v3/customers/enquiry"),
    (Method::DELETE, "/v1/customerEvent?eventId", "/v1/customerEvent/{}"),
    (Method::PUT, "/v1/customerEvent?eventId", "/v1/customerEvent/{}"),
    (Method::GET, "/v1/customers/file-categories", "/v1/customer/file-categories"),
    (Method::GET, "/v3/customers/file-categories", "/v1/customer/file-categories"),
    (Method::POST, "/v1/customer/file-categories", "/v1/customer/attach-files"),
    (Method::POST, "/v3/customers/attach-files", "/v1/customer/attach-files"),
    (Method::POST, "/v1/activities", "/v1/activity"),
    (Method::POST, "/v1/activity/enquiry", "/v1/activities/enquiry"),
    (Method::GET, "/v1/activities/key-activities", "/v1/activity/key-activities"),
    (Method::GET, "/v1/activities/keyactivities", "/v1/activity/key-activities"),
    (Method::GET, "/v1/activity/keyactivities", "/v1/activity/key-activities"),
    (Method::GET, "/v1/activities/types", "/v1/activity/types"),
    (Method::GET, "/v1/activities/statuses", "/v1/activity/statuses"),
    (Method::GET, "/v1/activities/calendars", "/v1/activity/calendars"),
    (Method::POST, "/v1/activities/calendars", "/v1/activity/calendars"),
    (Method::POST, "/v1/activities/check-in", "/v1/activity/check-in"),
    (Method::GET, "/v1/activities/no/{}", "/v1/activity/{}"),
    (Method::DELETE, "/v1/activities/{}", "/v1/activity/{}"),
    (Method::GET, "/v1/tickets/{}", "/tickets/{}"),
    (Method::GET, "/v2/tickets/{}", "/tickets/{}"),
    (Method::GET, "/v3/tickets/{}", "/tickets/{}"),
    (Method::GET, "/v3/products/tickets/{}", "/tickets/{}"),
    (Method::GET, "/v1/products/tickets/{}", "/tickets/{}"),
    (Method::GET, "/v1/deals/board", "/v1/deals/boards"),
    (Method::GET, "/v1/deal/boards", "/v1/deals/boards"),
    (Method::GET, "/v1/deals/stage", "/v1/deals/stages"),
    (Method::GET, "/v1/deals/interest", "/v1/deals/interests"),
    (Method::GET, "/v1/deal/interests", "/v1/deals/interests"),
    (Method::GET, "/v1/deals/label", "/v1/deals/labels"),
    (Method::GET, "/v1/deal/labels", "/v1/deals/labels"),
    (Method::GET, "/v1/deals/missed-reasons", "/v1/deals/missed-reason-categories"),
    (Method::GET, "/v1/deals/reason-categories", "/v1/deals/missed-reason-categories"),
    (Method::GET, "/v1/contract/contract-types", "/v1/contract/types"),
    (Method::GET, "/v1/contract-types", "/v1/contract/types"),
    (Method::GET, "/v1/contract/contract-templates", "/v1/contract/templates"),
    (Method::GET, "/v1/contract-templates", "/v1/contract/templates"),
    (Method::POST, "/v1/contract/send", "/v1/contract/send-document"),
    (Method::GET, "/v1/products/units%20copy", "/v1/products/units"),
    (Method::GET, "/v3/products/units", "/v1/products/units"),
    (Method::GET, "/v3/products/groups", "/v1/products/groups"),
    (Method::GET, "/v3/products/properties", "/v1/products/properties"),
    (Method::POST, "/v1/quotation", "/v2/quotation"),
    (Method::GET, "/v2/quotation/{}", "/v1/quotation/{}"),
    (Method::POST, "/v2/quotation/enquiry", "/v1/quotation/enquiry"),
    (Method::POST, "/v2/quotation/{}/cancel", "/v1/quotation/{}/cancel"),
    (Method::POST, "/v2/quotation/{}/convert-to-salesorder", "/v1/quotation/{}/convert-to-salesorder"),
    (Method::POST, "/v1/salesorder", "/v2/salesorder"),
    (Method::GET, "/v1/salesorder/{}", "/v2/salesorder/{}"),
    (Method::GET, "/v3/salesorder/{}", "/v2/salesorder/{}"),
    (Method::GET, "/v2/salesorder?salesOrderId", "/v2/salesorder/id/{}"),
    (Method::POST, "/v1/salesorder/enquiry", "/v2/salesorder/enquiry"),
    (Method::POST, "/v1/salesorders/enquiry", "/v2/salesorder/enquiry"),
    (Method::POST, "/v3/salesorder/enquiry", "/v2/salesorder/enquiry"),
    (Method::DELETE, "/v1/salesorder/reject", "/v1/salesorders/reject"),
    (Method::DELETE, "/v2/salesorder/reject", "/v1/salesorders/reject"),
];

/// Groups with a second name: what begins with it and is not known is looked for under the first.
const GROUPS: &[(&str, &str)] = &[("/v1/cases", "/v1/case"), ("/v1/activities", "/v1/activity")];

/// Every path of the server, as a tree of segments.
#[derive(Debug, Default)]
pub struct Paths {
    literals: HashMap<String, (String, Paths)>,
    parameter: Option<Box<Paths>>,
    aliases: Vec<Alias>,
}

/// Where a path is served that ends here.
#[derive(Debug)]
struct Alias {
    method: &'static Method,
    query: Option<&'static str>,
    target: &'static str,
}

impl Paths {
    /// The tree of these templates (`/v1/chat/rooms/{roomId}/messages`), and of their other spellings.
    pub fn new<'a>(templates: impl Iterator<Item = &'a str>) -> Paths {
        let mut root = Paths::default();
        for template in templates {
            root.node(template);
        }
        for (method, path, target) in ALIASES {
            let (path, query) = path.split_once('?').map_or((*path, None), |(path, query)| (path, Some(query)));
            root.node(path).aliases.push(Alias { method, query, target });
        }
        root
    }

    fn node(&mut self, template: &str) -> &mut Paths {
        let mut node = self;
        for segment in template.split('/').skip(1) {
            node = if segment.starts_with('{') {
                node.parameter.get_or_insert_default()
            } else {
                let entry = node.literals.entry(segment.to_ascii_lowercase());
                &mut entry.or_insert_with(|| (segment.to_owned(), Paths::default())).1
            };
        }
        node
    }

    /// The path in the server's own spelling, or nothing when it is so already, or unknown. A trailing slash is dropped.
    pub fn canonical(&self, method: &Method, path: &str, query: Option<&str>) -> Option<String> {
        let trimmed = if path.len() > 1 { path.strip_suffix('/').unwrap_or(path) } else { path };
        let mut node = self;
        let mut canonical = String::with_capacity(path.len());
        let mut last = "";
        for segment in trimmed.split('/').skip(1) {
            canonical.push('/');
            last = segment;
            let known = node.literals.get(segment).or_else(|| node.literals.get(&segment.to_ascii_lowercase()));
            node = match (known, &node.parameter) {
                (Some((literal, next)), _) => {
                    canonical.push_str(literal);
                    next
                }
                (None, Some(next)) => {
                    canonical.push_str(segment);
                    next
                }
                (None, None) => return self.in_group(method, trimmed, query),
            };
        }
        for alias in node.aliases.iter().filter(|alias| alias.method == method) {
            let value = match alias.query {
                Some(name) => value_of(query, name),
                None => Some(last),
            };
            if let Some(value) = value {
                return Some(alias.target.replace("{}", &value.replace('+', "%20")));
            }
        }
        (canonical != path).then_some(canonical)
    }

    /// The path under the first name of its group.
    fn in_group(&self, method: &Method, path: &str, query: Option<&str>) -> Option<String> {
        GROUPS.iter().find_map(|(second, first)| {
            let (begin, rest) = path.split_at_checked(second.len())?;
            if !begin.eq_ignore_ascii_case(second) || !(rest.is_empty() || rest.starts_with('/')) {
                return None;
            }
            let path = format!("{first}{rest}");
            self.canonical(method, &path, query).or(Some(path))
        })
    }

    /// Rewrites a request's address where its path is known in another spelling.
    pub fn rewrite(&self, request: &mut Request) {
        let uri = request.uri();
        let Some(path) = self.canonical(request.method(), uri.path(), uri.query()) else { return };
        let text = match uri.query() {
            Some(query) => format!("{path}?{query}"),
            None => path,
        };
        if let Ok(path_and_query) = PathAndQuery::try_from(text) {
            let mut parts = std::mem::take(request.uri_mut()).into_parts();
            parts.path_and_query = Some(path_and_query);
            *request.uri_mut() = Uri::from_parts(parts).unwrap_or_default();
        }
    }
}

/// A query parameter as it is written, percent signs and all.
fn value_of<'q>(query: Option<&'q str>, name: &str) -> Option<&'q str> {
    let mut pairs = query?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, value)| key.eq_ignore_ascii_case(name) && !value.is_empty()).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_match_in_any_case_and_parameters_keep_theirs() {
        let paths = Paths::new(
            ["/authorization/connect/token", "/v3/Products/{productCode}", "/v3/Products/serials/status"].into_iter(),
        );
        let canonical = |path: &str| paths.canonical(&Method::GET, path, None);
        assert_eq!(canonical("/authorization/Connect/Token"), Some("/authorization/connect/token".into()));
        assert_eq!(canonical("/authorization/connect/token"), None);
        assert_eq!(canonical("/V3/products/AbC/"), Some("/v3/Products/AbC".into()));
        assert_eq!(canonical("/v3/products/SERIALS/status"), Some("/v3/Products/serials/status".into()));
        assert_eq!(canonical("/nowhere"), None);
    }

    #[test]
    fn a_group_is_served_under_its_second_name_too() {
        let paths = Paths::new(["/v1/case", "/v1/case/{caseNo}", "/v1/case/{caseNo}/status"].into_iter());
        let put = |path: &str| paths.canonical(&Method::PUT, path, None);
        assert_eq!(put("/v1/Cases/T1/Status/"), Some("/v1/case/T1/status".into()));
        assert_eq!((put("/v1/cases"), put("/v1/casesX")), (Some("/v1/case".into()), None));
        assert_eq!((put("/v1/case/T1"), put("/v1/ca")), (None, None));
    }

    #[test]
    fn other_spellings_of_a_guessed_path_lead_to_it() {
        let paths = Paths::new(
            ["/v3/customers", "/v3/customers/{customerCode}", "/v3/customers/name/{customerName}"].into_iter(),
        );
        let get = |path: &str, query: Option<&str>| paths.canonical(&Method::GET, path, query);
        let daisy = Some("/v3/customers/name/Daisy%20Co".to_owned());
        assert_eq!(get("/v3/Customers/CustomerName/Daisy%20Co", None), daisy);
        assert_eq!(get("/v3/customers", Some("x=1&CustomerName=Daisy%20Co")), daisy);
        assert_eq!(get("/v3/customers/name", Some("customerName=Daisy%20Co")), daisy);
        assert_eq!(paths.canonical(&Method::POST, "/v3/customers", Some("customerName=Daisy%20Co")), None);
    }
}
