#![allow(clippy::unwrap_used, clippy::expect_used)]
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};
use proptest::prelude::*;

use super::*;

/// Cuts a text into lines.
fn in_lines(text: &str, length: usize, end: &str) -> String {
    let lines = text.as_bytes().chunks(length).map(|line| String::from_utf8(line.to_vec()).unwrap());
    lines.collect::<Vec<_>>().join(end)
}

/// Escapes what has a meaning in URLs.
fn escaped(text: &str) -> String {
    text.replace('+', "%2B").replace('/', "%2f").replace('=', "%3D")
}

proptest! {
    #[test]
    fn every_spelling_means_the_same_bytes(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        length in 1_usize..80,
        head in "(image/[a-z]{3,4})?(;[a-z]{1,7}=[a-z0-9-]{1,7}){0,2}",
    ) {
        let standard = BASE64_STANDARD.encode(&bytes);
        let of_urls = BASE64_URL_SAFE.encode(&bytes);
        for text in [&standard, &of_urls] {
            for spelled in [
                text.clone(),
                text.trim_end_matches('=').to_owned(),
                in_lines(text, length, "\r\n"),
                in_lines(text, length, "\n  "),
                format!("  {text}\n"),
                format!("data:{head};base64,{text}"),
                format!("DATA:{head};Base64,{}", in_lines(text, length, "\r\n")),
                format!("data:{head};base64,{}", escaped(text)),
            ] {
                prop_assert_eq!(decoded(&spelled), Ok(bytes.clone()), "{}", spelled);
            }
        }
    }

    #[test]
    fn any_text_is_decoded_or_refused(text in "\\PC{0,60}", head in "(data:)?[a-z;,% =+-]{0,20}") {
        let _ = decoded(&format!("{head}{text}"));
    }

    #[test]
    fn a_byte_that_does_not_belong_is_named_where_it_stands(
        bytes in prop::collection::vec(any::<u8>(), 30..90), at in 0_usize..28,
    ) {
        let mut text = in_lines(&BASE64_STANDARD.encode(&bytes), 7, "\n");
        // The line breaks are at 7, 15, 23; beside them a blank would be one of a line's end.
        prop_assume!(at % 8 < 7);
        text.replace_range(at..=at, "?");
        let problem = decoded(&text).unwrap_err();
        prop_assert!(problem.contains(&format!("'?' at position {at} ")), "{}", problem);
    }
}

#[test]
fn a_data_url_may_have_the_bytes_themselves() {
    assert_eq!(decoded("data:image/bmp,BM%00%01"), Ok(b"BM\0\x01".to_vec()));
    assert_eq!(decoded("data:image/bmp,not%20a%20picture"), Err(NO_BASE64.to_owned()));
    assert_eq!(decoded("data:image/bmp;base64"), Err(NO_BASE64.to_owned()));
}

#[test]
fn what_has_lost_something_is_refused() {
    for (text, says) in [
        ("Qk0A AA==", "has it been a + once"),
        ("Qk==0AAA", "="),
        ("Qk0A+_AA", "'+' at position 4"),
        ("Qk0A\u{e4}AAA", "position 4"),
        ("Qk0AA", "its end is missing"),
    ] {
        let problem = decoded(text).unwrap_err();
        assert!(problem.contains(says), "{text}: {problem}");
    }
}
