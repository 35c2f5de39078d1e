//! Prints the path of ONNX Runtime's library, which is fetched from PyPI into the target folder if need be.

use std::process::ExitCode;

use testkit::pypi;

fn main() -> ExitCode {
    match pypi::onnxruntime_library() {
        Ok(library) => {
            terminal::say(library.display());
            ExitCode::SUCCESS
        }
        Err(problem) => {
            terminal::warn(problem);
            ExitCode::FAILURE
        }
    }
}
