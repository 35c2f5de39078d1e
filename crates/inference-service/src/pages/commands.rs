//! What does the same as a page, for a shell and for Python.
//!
//! Rule of thumb: whatever a name holds, a shell and Python read it as that name.

use std::fmt::Write as _;

use serde_json::Value;

/// A command for a shell, and one for Python.
pub(super) struct SameCommands {
    pub(super) shell: String,
    pub(super) python: String,
}

impl SameCommands {
    /// Asks with a picture in a file.
    pub(super) fn of_picture(address: &str) -> Self {
        Self {
            shell: format!("curl --data-binary @picture.jpg {}", quoted(address)),
            python: format!(
                "import urllib.request\npicture = open(\"picture.jpg\", \"rb\").read()\nprint(urllib.request.urlopen({}, picture).read().decode())",
                literal(address)
            ),
        }
    }

    /// Asks with JSON.
    pub(super) fn of_json(address: &str, body: &Value) -> Self {
        let body = body.to_string();
        Self {
            shell: format!("curl -H 'content-type: application/json' -d {} {}", quoted(&body), quoted(address)),
            python: format!(
                "import urllib.request\nbody = {}\nrequest = urllib.request.Request({}, body.encode(), {{\"content-type\": \"application/json\"}})\nprint(urllib.request.urlopen(request).read().decode())",
                literal(&body),
                literal(address)
            ),
        }
    }
}

/// A text as one word of a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A text as a literal of Python.
fn literal(text: &str) -> String {
    let mut literal = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => literal.extend(['\\', character]),
            ' '..='~' => literal.push(character),
            other => {
                // Writing into a string does not fail.
                let _ = write!(literal, "\\U{:08x}", u32::from(other));
            }
        }
    }
    literal.push('"');
    literal
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_shell_and_python_read_what_was_meant() {
        for text in ["a", "it's \"$HOME\" `ls` \\n", "ü\n€ 🐈 \u{0}".trim_end_matches('\0'), "'; rm -rf /; '"] {
            let shell = Command::new("sh").arg("-c").arg(format!("printf %s {}", quoted(text))).output().unwrap();
            assert_eq!(String::from_utf8(shell.stdout).unwrap(), text);
            let said = format!("import sys; sys.stdout.buffer.write({}.encode())", literal(text));
            let python = Command::new("python3").arg("-c").arg(said).output().unwrap();
            assert_eq!(String::from_utf8(python.stdout).unwrap(), text);
        }
    }
}
