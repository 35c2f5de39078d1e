//! What is wrong with a body, in the words of JSON.
//!
//! Rule of thumb: whoever reads a refusal knows JSON, and neither the language of this program nor its types.

/// Types as the reader of JSON names them, and what they are in JSON.
const NAMES: [(&str, &str); 9] = [
    ("u8", "a whole number"),
    ("u16", "a whole number"),
    ("u32", "a whole number"),
    ("u64", "a whole number"),
    ("i64", "a whole number"),
    ("usize", "a whole number"),
    ("f64", "a number"),
    ("a map", "an object"),
    ("a sequence", "an array"),
];

/// The same sentence without the names of types.
pub(crate) fn in_plain_words(problem: &str) -> String {
    let found = problem.replacen("invalid type: map,", "invalid type: object,", 1);
    let found = found.replacen("invalid type: sequence,", "invalid type: array,", 1);
    let found = found.replacen("unknown variant", "unknown word", 1);
    let Some((before, expected)) = found.rsplit_once(", expected ") else { return found };
    let end = expected.find(" at line ").unwrap_or(expected.len());
    let (name, place) = expected.split_at(end);
    let known = NAMES.iter().find(|(of, _)| *of == name).map(|(_, plain)| *plain);
    let plain = known.unwrap_or(if name.starts_with("struct ") { "an object" } else { name });
    format!("{before}, expected {plain}{place}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_have_the_names_of_json() {
        for (problem, plain) in [
            (
                "invalid type: string \"x\", expected u32 at line 1 column 5",
                "invalid type: string \"x\", expected a whole number at line 1 column 5",
            ),
            ("invalid type: map, expected a string", "invalid type: object, expected a string"),
            (
                "invalid type: sequence, expected struct Mute at line 1 column 2",
                "invalid type: array, expected an object at line 1 column 2",
            ),
            (
                "invalid type: string \", expected u8\", expected a map",
                "invalid type: string \", expected u8\", expected an object",
            ),
            ("missing field `label`", "missing field `label`"),
        ] {
            assert_eq!(in_plain_words(problem), plain);
        }
    }
}
