//! The clients in docs/examples work as they stand there.

use std::process::Command;

use testkit::{Pair, alone, root};

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_for_clients_predict_and_show_what_was_logged() {
    let _alone = alone().await;
    let pair = Pair::start().await;
    for (program, file) in [("sh", "docs/examples/predict.sh"), ("python3", "docs/examples/predict.py")] {
        let output = Command::new(program)
            .arg(file)
            .arg("deploy/models/cifar10/examples/cat.jpg")
            .current_dir(root())
            .env("INFERENCE_URL", pair.inference.url(""))
            .env("LOGGING_URL", pair.logging.url(""))
            .output()
            .unwrap();
        let (printed, problem) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{file}: {printed}{problem}");
        assert_eq!(printed.matches("cat").count(), 2, "{file}: predicted, and found in the log: {printed}");
    }
}
