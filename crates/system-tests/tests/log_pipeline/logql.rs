//! The names that a LogQL query uses.

use std::collections::{BTreeMap, BTreeSet};

/// What a query asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Names {
    /// Labels that streams are selected by, each with the values that it is compared with, as they are written.
    pub(crate) labels: BTreeMap<String, String>,
    /// What lines are filtered, grouped or counted by, and what is shown or taken of them.
    pub(crate) fields: BTreeSet<String>,
    /// What the query itself takes from the JSON line: the name to be known by, and the member's.
    pub(crate) taken: BTreeMap<String, String>,
    /// Whether it takes all members of the line, by a `json` that names none.
    pub(crate) takes_all: bool,
}

impl Names {
    /// Reads a query. Grafana's variables are texts like any others.
    pub(crate) fn of(query: &str) -> Self {
        let mut names = Self::default();
        let (mut selecting, mut listing) = (false, false);
        let words = words(query);
        for (index, word) in words.iter().enumerate() {
            let next = words.get(index + 1).map_or("", String::as_str);
            let before = index.checked_sub(1).map_or("", |index| words[index].as_str());
            match word.as_str() {
                "{" => selecting = true,
                "}" => selecting = false,
                "(" => listing = ["by", "without"].contains(&before),
                ")" => listing = false,
                "json" if before == "|" => {
                    let members = named_members(&words[index + 1..]);
                    names.takes_all |= members.is_empty();
                    names.taken.extend(members);
                }
                name if is_name(name) => {
                    let compared = ["=", "!=", "=~", "!~", "==", ">", ">=", "<", "<="].contains(&next);
                    if selecting && compared {
                        let value = words.get(index + 2).map_or("", |value| value.trim_matches(['"', '`']));
                        names.labels.insert(name.to_owned(), value.to_owned());
                    } else if listing || compared || (before == "unwrap" && next != "(") || unwrapped(&words, index) {
                        names.fields.insert(name.to_owned());
                    }
                }
                text if ["line_format", "label_format"].contains(&before) => names.fields.extend(in_template(text)),
                _ => {}
            }
        }
        names
    }
}

/// The members that a `json` names: `a="b", c="d"`.
fn named_members(words: &[String]) -> Vec<(String, String)> {
    let mut members = Vec::new();
    for words in words.chunks(4) {
        let [name, equals, member, rest @ ..] = words else { break };
        if equals != "=" || !is_name(name) {
            break;
        }
        members.push((name.clone(), member.trim_matches('"').to_owned()));
        if rest.first().is_none_or(|next| next != ",") {
            break;
        }
    }
    members
}

/// Whether this is the name in `unwrap duration(name)`.
fn unwrapped(words: &[String], index: usize) -> bool {
    index >= 3 && words[index - 1] == "(" && words[index - 3] == "unwrap"
}

fn is_name(word: &str) -> bool {
    word.starts_with(|character: char| character.is_ascii_alphabetic() || character == '_')
}

/// The names in a template, as `{{.name}}`.
fn in_template(text: &str) -> Vec<String> {
    let openings = text.split("{{").skip(1).filter_map(|rest| rest.split("}}").next());
    let words = openings.flat_map(str::split_whitespace).filter_map(|word| word.strip_prefix('.'));
    words.map(|name| name.trim_end_matches(')').to_owned()).collect()
}

/// Names, numbers, texts (with their quotation marks) and signs; ranges in brackets are left out.
fn words(query: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = query.trim_start();
    while let Some(start) = rest.chars().next() {
        let length = match start {
            '"' | '`' => quoted(rest, start),
            '[' => rest.find(']').expect("a range ends") + 1,
            '$' => 1 + name_length(&rest[1..]),
            _ if start.is_ascii_alphanumeric() || start == '_' => name_length(rest),
            '=' | '!' | '>' | '<' | '|' => {
                let two =
                    rest.get(..2).is_some_and(|two| ["=~", "!~", "!=", "==", ">=", "<=", "|=", "|~"].contains(&two));
                1 + usize::from(two)
            }
            _ => start.len_utf8(),
        };
        if start != '[' {
            words.push(rest[..length].to_owned());
        }
        rest = rest[length..].trim_start();
    }
    words
}

/// The length of a text with its quotation marks.
fn quoted(text: &str, mark: char) -> usize {
    let mut escaped = false;
    let end = text.char_indices().skip(1).find(|(_, character)| {
        let ends = *character == mark && !escaped;
        escaped = *character == '\\' && !escaped && mark == '"';
        ends
    });
    end.expect("a text ends").0 + 1
}

fn name_length(text: &str) -> usize {
    text.find(|character: char| !character.is_ascii_alphanumeric() && character != '_').unwrap_or(text.len())
}

#[test]
fn the_names_of_queries_are_found_and_nothing_else() {
    for (query, labels, fields, taken, takes_all) in [
        (r#"{service="a", level=~"$l"} |= "x = 1" | json | status >= 500"#, "service=a level=$l", "status", "", true),
        (
            r#"sum by (code) (count_over_time({env="a"} | json | message="b" [$__auto]))"#,
            "env=a",
            "code message",
            "",
            true,
        ),
        ("quantile_over_time(0.9, {a=\"b\"} | unwrap seconds [5m]) by (model)", "a=b", "seconds model", "", false),
        (r#"{a="b"} | id="$id" or trace=~"\"c=.*" | unwrap duration(d) "#, "a=b", "id trace d", "", false),
        (r#"{a="b"} | json b="c", d="e" | f="g" | line_format "{{.b}} {{ .h }}" "#, "a=b", "f b d h", "b=c d=e", false),
        (r#"sum(count_over_time({a="b"} | json b="c" [1m]))"#, "a=b", "b", "b=c", false),
        (r#"topk(5, rate({a="b"}[1m])) > 0"#, "a=b", "", "", false),
    ] {
        let fields = fields.split_whitespace().map(str::to_owned).collect();
        let pairs = |text: &str| {
            let pairs = text.split_whitespace().map(|pair| pair.split_once('=').unwrap());
            pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
        };
        let expected = Names { labels: pairs(labels), fields, taken: pairs(taken), takes_all };
        assert_eq!(Names::of(query), expected, "{query}");
    }
}
