//! Whose fault it is that a model gave no answer: the input's or the model's.
//!
//! Rule of thumb: a version that has answered something since it was loaded can answer, so what it complains about is the
//! input. One that has never answered is itself at fault, whatever it says, unless the input was found to have no answer.

use crate::model::ModelError;

/// Most bytes of an engine's sentence in an answer.
const MOST_BYTES: usize = 300;
/// Words of engines that are short of memory, for which no input is to blame.
const OF_THE_MACHINE: &[&str] =
    &["out of memory", "bad_alloc", "failed to allocate", "allocation failed", "memory allocation"];
/// How the names of files end that engines tell of.
const FILES: &[&str] = &[".cc", ".cpp", ".h", ".hpp", ".rs", ".so", ".onnx", ".data", ".py"];

/// What is wrong with the input, as a sentence for its client; `None` where the input is not to blame.
pub(super) fn fault_of_input(error: &ModelError, has_answered: bool) -> Option<String> {
    match error {
        ModelError::NoAnswer { reason } => Some(format!("The model cannot compute an answer to this input: {reason}.")),
        _ if !has_answered => None,
        ModelError::Panicked { reason } if !is_of_the_machine(reason) => Some(
            "The model cannot compute an answer to this input: the engine failed on its numbers or sizes.".to_owned(),
        ),
        ModelError::Run { reason } if !is_of_the_machine(reason) => {
            Some(format!("The model cannot compute an answer to this input: {}.", cleaned(reason)))
        }
        ModelError::BadScores { .. } | ModelError::BadNumber { .. } => {
            Some(format!("The input is beyond what the model can answer: {error}."))
        }
        _ => None,
    }
}

fn is_of_the_machine(reason: &str) -> bool {
    let reason = reason.to_lowercase();
    OF_THE_MACHINE.iter().any(|words| reason.contains(words))
}

/// The engine's sentence without what only tells of this machine: files of its source and addresses in memory.
fn cleaned(reason: &str) -> String {
    // What tract says ends with the state of its own run.
    let reason = reason.split("(TurnState").next().unwrap_or_default();
    let words = reason.split_whitespace().map(|word| if tells_of_the_machine(word) { "…" } else { word });
    let mut text = words.collect::<Vec<_>>().join(" ");
    if text.len() > MOST_BYTES {
        text.truncate(text.floor_char_boundary(MOST_BYTES));
        text.push('…');
    }
    text.trim_end_matches(['.', ' ', ':']).to_owned()
}

fn tells_of_the_machine(word: &str) -> bool {
    let parts = || word.split(|c: char| !(c.is_alphanumeric() || matches!(c, '/' | '\\' | '.' | '_' | '-')));
    let is_path = |part: &str| part.contains(['/', '\\']) && FILES.iter().any(|end| part.ends_with(end));
    let is_address = |part: &str| {
        part.strip_prefix("0x").is_some_and(|digits| digits.len() > 4 && digits.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    parts().any(|part| is_path(part) || is_address(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(reason: &str) -> ModelError {
        ModelError::Run { reason: reason.to_owned() }
    }

    #[test]
    fn a_version_that_has_answered_blames_the_input() {
        let complaint = run("indices element out of data bounds, idx=7 must be within the inclusive range [-3,2]");
        let sentence = fault_of_input(&complaint, true).unwrap_or_default();
        assert!(sentence.ends_with("idx=7 must be within the inclusive range [-3,2]."), "{sentence}");
        assert_eq!(fault_of_input(&complaint, false), None, "it may never be able to");
        let infinite = ModelError::BadNumber { found: Some(f64::INFINITY) };
        assert!(fault_of_input(&infinite, true).is_some_and(|sentence| sentence.contains("inf")));
    }

    #[test]
    fn an_input_without_an_answer_is_at_fault_at_once() {
        let small = ModelError::NoAnswer { reason: "the size is 2".to_owned() };
        let sentence = fault_of_input(&small, false).unwrap_or_default();
        assert_eq!(sentence, "The model cannot compute an answer to this input: the size is 2.");
    }

    #[test]
    fn a_panics_text_is_for_the_log() {
        let reason = "it panicked: range start index 18446744073709551613 out of range".to_owned();
        let sentence = fault_of_input(&ModelError::Panicked { reason: reason.clone() }, true).unwrap_or_default();
        assert!(sentence.contains("cannot compute") && !sentence.contains("range"), "{sentence}");
        assert_eq!(fault_of_input(&ModelError::Panicked { reason }, false), None);
    }

    #[test]
    fn what_no_input_can_help_is_the_services() {
        for reason in
            ["std::bad_alloc", "Failed to allocate memory for requested buffer of size 8", "it is out of memory"]
        {
            assert_eq!(fault_of_input(&run(reason), true), None, "{reason}");
        }
        assert_eq!(fault_of_input(&ModelError::Start { reason: "no thread".to_owned() }, true), None);
        let other = ModelError::WrongInput { expected: String::new(), found: Vec::new() };
        assert_eq!(fault_of_input(&other, true), None);
    }

    #[test]
    fn a_client_learns_nothing_of_the_machine_and_not_everything() {
        let reason = "/onnxruntime_src/onnxruntime/core/providers/cpu/tensor/gather.cc:154 onnxruntime::Gather::Compute \
                      at 0x7f00deadbeef while running Gather node. Name:'/embed/Gather'\n in (/srv/models/m/1/model.onnx)";
        assert_eq!(
            cleaned(reason),
            "… onnxruntime::Gather::Compute at … while running Gather node. Name:'/embed/Gather' in …"
        );
        let clash = "Clashing resolution for expression. N=3 != 1. (TurnState(SymbolValues { values: {N: 3} }))";
        assert_eq!(cleaned(clash), "Clashing resolution for expression. N=3 != 1");
        let long = cleaned(&"ä".repeat(1000));
        assert!(long.len() <= MOST_BYTES + '…'.len_utf8() && long.ends_with('…'), "{long}");
    }
}
