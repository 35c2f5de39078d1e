//! Triton's `config.pbtxt`, and what it would have said in a model.toml.
//!
//! Rule of thumb: the file is not obeyed, for half of it means something else here. Whoever brings one is told line by line what
//! to write instead.

use std::fs;
use std::path::Path;

use super::text_message::TextMessage;

/// Longer files are not looked into.
const MOST_BYTES: u64 = 64 * 1024;
/// The largest values that model.toml takes.
const LARGEST_BATCH: u64 = 64;
const LONGEST_DELAY_MS: u64 = 1000;
const MOST_VERSIONS: u64 = 16;
const MOST_INSTANCES: u64 = 64;

/// What is said of a folder's config.pbtxt; `None` if there is none.
pub(super) fn told(folder: &Path) -> Option<String> {
    let path = folder.join("config.pbtxt");
    let metadata = path.metadata().ok().filter(std::fs::Metadata::is_file)?;
    let unread = || "it is Triton's and is not read; model.toml says what a model does".to_owned();
    if metadata.len() > MOST_BYTES {
        return Some(unread());
    }
    let text = fs::read_to_string(&path).unwrap_or_default();
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Some(TextMessage::parse(&text).map_or_else(unread, |config| in_other_words(&config, &name)))
}

/// The same in the words of a model.toml.
fn in_other_words(config: &TextMessage, folder: &str) -> String {
    let lines = model_toml(config);
    let mut told = format!("it is Triton's; in model.toml it says: {}", lines.join("; "));
    let without: Vec<String> =
        ["ensemble_scheduling", "sequence_batching", "model_warmup", "response_cache", "model_transaction_policy"]
            .into_iter()
            .filter(|field| config.has(field))
            .map(str::to_owned)
            .collect();
    if !without.is_empty() {
        told += &format!(". Here is nothing like {}", without.join(", "));
    }
    let backend = config.text("backend").or_else(|| config.text("platform")).unwrap_or("onnxruntime");
    if !backend.starts_with("onnx") {
        told += &format!(". It is for {backend:?}, and what is served here is ONNX: export the model as that");
    }
    if let Some(name) = config.text("name").filter(|name| *name != folder && !name.is_empty()) {
        told += &format!(". It calls the model {name:?}, and here its folder's name counts");
    }
    told
}

/// The lines of the model.toml that says the same.
fn model_toml(config: &TextMessage) -> Vec<String> {
    let mut lines = Vec::new();
    let outputs = config.messages("output");
    match outputs.iter().find_map(|output| output.text("label_filename")) {
        Some(labels) => lines.extend(["task = \"classification\"".to_owned(), format!("labels = {labels:?}")]),
        None => lines.push("task = \"raw\"".to_owned()),
    }
    let batch = config.number("max_batch_size").unwrap_or(0);
    let batching = config.messages("dynamic_batching");
    if let Some(policy) = config.messages("version_policy").first() {
        if let Some(latest) = policy.messages("latest").first() {
            let versions = latest.number("num_versions").unwrap_or(1).clamp(1, MOST_VERSIONS);
            lines.push(format!("latest_versions = {versions}"));
        } else if policy.has("all") {
            lines.push(format!("latest_versions = {MOST_VERSIONS}"));
        } else if let Some(version) =
            policy.messages("specific").iter().flat_map(|specific| specific.numbers("versions")).max()
        {
            lines.push(format!("version = {version}"));
        }
    }
    let instances: u64 = config.messages("instance_group").iter().filter_map(|group| group.number("count")).sum();
    if instances > 0 {
        lines.push(format!("instances = {}", instances.min(MOST_INSTANCES)));
    }
    if batch > 0 || !batching.is_empty() {
        let size = batch.clamp(1, LARGEST_BATCH);
        let size = if batching.is_empty() { 1 } else { size };
        lines.push(format!("[batching] max_size = {size}"));
        let delay = batching.iter().find_map(|batching| batching.number("max_queue_delay_microseconds"));
        lines.extend(delay.map(|delay| format!("max_delay_ms = {}", delay.div_ceil(1000).min(LONGEST_DELAY_MS))));
    }
    for (role, tensors) in [("input", config.messages("input")), ("output", outputs)] {
        lines.extend(tensors.iter().map(|tensor| described(role, tensor, batch > 0)));
    }
    lines
}

/// A tensor, whose name, type and shape the ONNX file itself declares.
fn described(role: &str, tensor: &TextMessage, has_batch: bool) -> String {
    let name = tensor.text("name").unwrap_or_default();
    let datatype = tensor.text("data_type").unwrap_or_default();
    let dims = tensor.texts("dims").into_iter().map(|size| if size == "-1" { "?" } else { size });
    let sizes = has_batch.then_some("?").into_iter().chain(dims).collect::<Vec<_>>().join(", ");
    format!("# {role} {name:?}: {} and [{sizes}], as the ONNX file has it", datatype.trim_start_matches("TYPE_"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn words(text: &str) -> String {
        in_other_words(&TextMessage::parse(text).unwrap(), "resnet")
    }

    #[test]
    fn a_usual_file_is_said_in_other_words() {
        let told = words(
            r#"
            name: "resnet50"  # another name than the folder's
            platform: "onnxruntime_onnx"
            max_batch_size: 8
            input [ { name: "data", data_type: TYPE_FP32, format: FORMAT_NCHW, dims: [ 3, 224, 224 ] } ]
            output [
              { name: "scores" data_type: TYPE_FP32 dims: [ 1000 ] label_filename: "labels.txt" }
            ]
            dynamic_batching { preferred_batch_size: [ 4, 8 ] max_queue_delay_microseconds: 1500 }
            instance_group [ { count: 2 kind: KIND_CPU } ]
            version_policy: { latest { num_versions: 2 } }
            "#,
        );
        for line in [
            "task = \"classification\"; labels = \"labels.txt\"; latest_versions = 2; instances = 2",
            "[batching] max_size = 8; max_delay_ms = 2",
            "# input \"data\": FP32 and [?, 3, 224, 224], as the ONNX file has it",
            "It calls the model \"resnet50\", and here its folder's name counts",
        ] {
            assert!(told.contains(line), "{line}: {told}");
        }
        assert!(!told.contains("Here is nothing like") && !told.contains("It is for"), "{told}");
    }

    #[test]
    fn what_there_is_not_here_is_said() {
        let told = words(
            "backend: \"tensorrt\" sequence_batching { } input { name: \"x\" data_type: TYPE_INT64 dims: -1 dims: 4 }",
        );
        for line in ["task = \"raw\"", "nothing like sequence_batching", "It is for \"tensorrt\"", "INT64 and [?, 4]"] {
            assert!(told.contains(line), "{line}: {told}");
        }
        let told = words("version_policy: { specific: { versions: [1, 3] } } max_batch_size: 4");
        assert!(told.contains("version = 3") && told.contains("[batching] max_size = 1"), "{told}");
    }

    #[test]
    fn what_cannot_be_read_is_told_of_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(told(folder.path()), None);
        fs::write(folder.path().join("config.pbtxt"), "name: \"x").unwrap();
        assert!(told(folder.path()).unwrap().contains("is Triton's and is not read"));
    }
}
