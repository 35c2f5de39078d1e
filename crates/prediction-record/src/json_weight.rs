//! How large JSON becomes in memory.

/// Most bytes that an object takes by itself: a record, or a map of one member.
const OBJECT_BYTES: usize = 1024;
/// Most bytes that an array takes by itself.
const ARRAY_BYTES: usize = 128;
/// Most bytes that one more member or element takes beside its text.
const MEMBER_BYTES: usize = 64;

/// Most bytes that the values of a JSON text take in memory. Punctuation inside of texts counts, too: it may be too much, and is
/// never too little.
#[must_use]
pub fn json_weight(json: &[u8]) -> usize {
    let count = |wanted: u8| json.iter().filter(|&&byte| byte == wanted).count();
    let structure = count(b'{') * OBJECT_BYTES + count(b'[') * ARRAY_BYTES + count(b',') * MEMBER_BYTES;
    json.len().saturating_add(structure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PredictionRecord;

    #[test]
    fn what_is_short_and_swells_weighs_what_it_becomes() {
        assert!(json_weight(br#"[{"model":"m"},{"model":"m"}]"#) >= 2 * size_of::<PredictionRecord>());
        assert!(json_weight(b"[0,0,0,0]") >= 4 * size_of::<serde_json::Value>());
        assert_eq!(json_weight(br#""a long text""#), 13);
    }
}
