//! Tests that go on in a process of their own.

use std::process::{Command, Output, Stdio};

/// Tells a child which file it works with.
const FILE: &str = "TOKENTURN_TEST_CHILD";

/// The file to work with, in a child; nothing in the process that runs all tests.
pub(crate) fn file() -> Option<std::ffi::OsString> {
    std::env::var_os(FILE)
}

/// This program again, for one test, behind a line of shell.
pub(crate) fn command(shell: &str, test: &str, file: &std::path::Path) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("{shell}exec \"$0\" \"$@\"")).arg(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture", "--test-threads", "1"]).env(FILE, file);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What it printed behind a mark, when it has succeeded.
pub(crate) fn said(output: &Output) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text.lines().filter_map(|line| line.split_once("@@ ")).map(|(_, said)| said.to_owned()).collect()
}
