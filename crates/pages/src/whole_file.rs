//! A page that is one file: it can be kept, sent and read without the service.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::files::STYLE;

/// The file with this title and content. Its style sheet stands in it, and it has no script and no link out of itself.
#[must_use]
pub fn whole_file(title: &str, content: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                // A reader's program loads nothing on behalf of what senders wrote.
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { main { (content) } }
        }
    };
    page.into_string()
}
