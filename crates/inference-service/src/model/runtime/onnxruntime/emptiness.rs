//! What ONNX Runtime says of a tensor that a guard found empty.

/// Which node was to be given an empty tensor, as a sentence, where it is a guard that this message is about: its nodes are
/// called after that node's output, `y/guard/0` and `y/guard/0/one`.
pub(super) fn found_empty(message: &str) -> Option<String> {
    let (before, behind) = message.split_once("/guard/")?;
    let digits = behind.bytes().take_while(u8::is_ascii_digit).count();
    let name = before.rsplit_once('\'')?.1;
    let is_of_empty = digits > 0 && (behind[digits..].starts_with('\'') || behind[digits..].starts_with("/one'"));
    is_of_empty.then(|| format!("the node {name:?} is given a tensor without elements"))
}

#[cfg(test)]
mod tests {
    use super::found_empty;

    #[test]
    fn an_empty_tensor_is_told_in_words_and_other_errors_are_not() {
        let told = "Non-zero status code returned while running Div node. Name:'i/norm/guard/0/one' Status Message: \
                    element_wise_ops.cc:703 Compute Integer division by zero.";
        let right = "the node \"i/norm\" is given a tensor without elements";
        assert_eq!(found_empty(told).as_deref(), Some(right));
        let sequence =
            "Non-zero status code returned while running Reshape node. Name:'i/norm/guard/0' Status Message: …";
        assert_eq!(found_empty(sequence).as_deref(), Some(right));
        let division = "Non-zero status code returned while running Div node. Name:'y/guard/quotient' Status Message: \
                        Integer division by zero.";
        assert_eq!(found_empty(division), None);
        assert_eq!(found_empty("Non-zero status code returned while running Gather node. Name:''"), None);
    }
}
