//! The queries in the documents.

use std::fs;

use crate::programs::root;

/// A PromQL query and where it stands, as `docs/queries.md:12`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentedQuery {
    /// The file and the line on which the query begins.
    pub place: String,
    /// The query, on one line.
    pub text: String,
}

/// The documents of the repository, by their paths, sorted.
///
/// # Panics
/// If a folder cannot be read.
pub fn documents() -> Vec<String> {
    let mut files = vec!["README.md".to_owned()];
    for folder in ["docs", "docs/runbooks"] {
        let entries = fs::read_dir(root().join(folder)).expect("the folder can be read");
        let names = entries.map(|entry| entry.expect("its entries can be read").file_name());
        let names = names.map(|name| name.into_string().expect("names are text"));
        files.extend(names.filter(|name| name.ends_with(".md")).map(|name| format!("{folder}/{name}")));
    }
    files.sort();
    files
}

/// Every PromQL query of a document: in its `promql` blocks, where empty lines separate them, and in its
/// commands, which send them to Prometheus as `query=…`.
///
/// # Panics
/// If the document cannot be read.
pub fn documented_queries(file: &str) -> Vec<DocumentedQuery> {
    let text = fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    queries_in(&text)
        .into_iter()
        .map(|(line, text)| DocumentedQuery { place: format!("{file}:{line}"), text })
        .collect()
}

/// The queries of a text, each with the number of its line.
fn queries_in(text: &str) -> Vec<(usize, String)> {
    let mut queries: Vec<(usize, String)> = Vec::new();
    let mut language = None;
    let mut goes_on = false;
    for (line, number) in text.lines().map(str::trim).zip(1..) {
        if let Some(opened) = line.strip_prefix("```") {
            language = if language.is_none() { Some(opened) } else { None };
            goes_on = false;
            continue;
        }
        match language {
            Some("promql") if line.is_empty() => goes_on = false,
            Some("promql") if line.starts_with('#') => {}
            Some("promql") if goes_on => {
                let query = &mut queries.last_mut().expect("the query that goes on").1;
                query.push(' ');
                query.push_str(line);
            }
            Some("promql") => {
                queries.push((number, line.to_owned()));
                goes_on = true;
            }
            Some("bash" | "console" | "sh") => {
                // A command is on one line or on several, the first of which names the server.
                let is_for_loki = line.contains("/loki/");
                goes_on = goes_on || is_for_loki;
                queries.extend(sent_query(line).filter(|_| !goes_on).map(|query| (number, query.to_owned())));
                goes_on = goes_on && line.ends_with('\\');
            }
            _ => {}
        }
    }
    queries
}

/// The query in `'query=…'` or `…?query=…'`, up to the quote that ends it.
fn sent_query(line: &str) -> Option<&str> {
    let (before, query) = line.split_once("query=")?;
    let quote = before.chars().rev().find(|character| ['\'', '"'].contains(character))?;
    query.split(quote).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_found_in_blocks_and_in_commands() {
        let text = "\
up == 2\n```promql\n# How many.\nsum(a)\n  / sum(b)\n\nc\n```\n\
```bash\ncurl -G 'http://x:9090/api/v1/query' \\\n  --data-urlencode 'query=sum by (job) (d)' | jq\n\
curl 'http://x:9090/api/v1/query?query=e'\n\
curl -G http://x:3100/loki/api/v1/query \\\n  --data-urlencode 'query={a=\"b\"}'\ncurl 'http://x/?query=f'\n```\n\
```logql\n{g=\"h\"}\n```\n";
        let found = queries_in(text);
        let texts: Vec<&str> = found.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(texts, ["sum(a) / sum(b)", "c", "sum by (job) (d)", "e", "f"]);
        assert_eq!(found[0].0, 4);
    }
}
