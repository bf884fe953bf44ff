//! Literal path segments match without regard to case: the original pages mix `/connect/token` and `/Connect/Token`.

use std::collections::HashMap;

use axum::http::Uri;
use axum::http::uri::PathAndQuery;

/// Every path of the server, as a tree of segments.
#[derive(Debug, Default)]
pub struct Paths {
    literals: HashMap<String, (String, Paths)>,
    parameter: Option<Box<Paths>>,
}

impl Paths {
    /// The tree of these templates (`/v1/chat/rooms/{roomId}/messages`).
    pub fn new<'a>(templates: impl Iterator<Item = &'a str>) -> Paths {
        let mut root = Paths::default();
        for template in templates {
            let mut node = &mut root;
            for segment in template.split('/').skip(1) {
                node = if segment.starts_with('{') {
                    node.parameter.get_or_insert_default()
                } else {
                    let entry = node.literals.entry(segment.to_ascii_lowercase());
                    &mut entry.or_insert_with(|| (segment.to_owned(), Paths::default())).1
                };
            }
        }
        root
    }

    /// The path in the server's own spelling, or nothing when it is so already, or unknown. A trailing slash is dropped.
    pub fn canonical(&self, path: &str) -> Option<String> {
        let trimmed = if path.len() > 1 { path.strip_suffix('/').unwrap_or(path) } else { path };
        let mut node = self;
        let mut canonical = String::with_capacity(path.len());
        for segment in trimmed.split('/').skip(1) {
            canonical.push('/');
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
                (None, None) => return None,
            };
        }
        (canonical != path).then_some(canonical)
    }

    /// Rewrites a request's address where its path is known in another spelling.
    pub fn rewrite(&self, uri: &mut Uri) {
        let Some(path) = self.canonical(uri.path()) else { return };
        let text = match uri.query() {
            Some(query) => format!("{path}?{query}"),
            None => path,
        };
        if let Ok(path_and_query) = PathAndQuery::try_from(text) {
            let mut parts = std::mem::take(uri).into_parts();
            parts.path_and_query = Some(path_and_query);
            *uri = Uri::from_parts(parts).unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_match_in_any_case_and_parameters_keep_theirs() {
        let paths = Paths::new(
            ["/authorization/connect/token", "/v3/Products/{productCode}", "/v3/Products/serials/status"].into_iter(),
        );
        let canonical = |path: &str| paths.canonical(path);
        assert_eq!(canonical("/authorization/Connect/Token"), Some("/authorization/connect/token".into()));
        assert_eq!(canonical("/authorization/connect/token"), None);
        assert_eq!(canonical("/V3/products/AbC/"), Some("/v3/Products/AbC".into()));
        assert_eq!(canonical("/v3/products/SERIALS/status"), Some("/v3/Products/serials/status".into()));
        assert_eq!(canonical("/nowhere"), None);
    }
}
