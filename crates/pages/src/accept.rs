//! A client is a person with a browser, or a program.

use axum::http::{HeaderMap, header};

/// Whether the client would rather have a page than JSON. Browsers name `text/html`; programs name JSON, or take anything.
pub fn prefers_page(headers: &HeaderMap) -> bool {
    let mut page = 0.0_f32;
    let mut json = 0.0_f32;
    for value in headers.get_all(header::ACCEPT) {
        for kind in value.to_str().unwrap_or_default().split(',') {
            let mut parts = kind.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default();
            let weight = parts.find_map(|part| part.strip_prefix("q=")?.parse().ok()).unwrap_or(1.0);
            if name.eq_ignore_ascii_case("text/html") {
                page = page.max(weight);
            } else if name.eq_ignore_ascii_case("application/json") {
                json = json.max(weight);
            }
        }
    }
    page > json
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_browser_gets_the_page_and_a_program_does_not() {
        let prefers = |accept: &str| prefers_page(&HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())]));
        assert!(prefers("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"));
        assert!(prefers("Text/HTML"));
        assert!(prefers("application/json;q=0.5, text/html;q=0.9"));
        for program in ["*/*", "application/json", "application/json, text/html;q=0.9", "text/html;q=0", "", ";;,q="] {
            assert!(!prefers(program), "{program}");
        }
        assert!(!prefers_page(&HeaderMap::new()));
    }
}
