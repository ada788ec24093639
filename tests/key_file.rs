//! The key file: how it is made, what is refused, and that no key is lost.
#![cfg(unix)]

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use tokenturn::journal::{Key, KeyFile, KeyId, KeyRing, KeySealer, KeySource};
use tokenturn::{Error, ErrorKind};

/// A directory of its own, gone with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("tokenturn-key-file-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        mode(&path, 0o700);
        Self(path)
    }

    fn path(&self) -> PathBuf {
        self.0.join("tokenturn.key")
    }

    fn file(&self) -> KeyFile {
        KeyFile::at(self.path())
    }

    fn names(&self) -> BTreeSet<String> {
        fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        mode(&self.0, 0o700);
        fs::remove_dir_all(&self.0).unwrap();
    }
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn ids(ring: &KeyRing) -> Vec<KeyId> {
    std::iter::once(ring.current()).chain(ring.replaced()).map(Key::id).collect()
}

#[track_caller]
fn refused(source: &dyn KeySource, part: &str) -> Error {
    let error = KeySealer::new(source).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
    assert!(error.to_string().contains(part), "{part:?} is not in: {error}");
    error
}

#[test]
fn a_file_that_is_not_there_is_made_for_its_owner_alone() {
    let folder = Folder::new();
    let ring = folder.file().keys().unwrap();
    assert_eq!(fs::metadata(folder.path()).unwrap().mode() & 0o7777, 0o600);
    assert_eq!(folder.names(), BTreeSet::from(["tokenturn.key".to_owned()]));
    assert!(ring.replaced().is_empty());
    assert_eq!(ids(&folder.file().keys().unwrap()), ids(&ring));
    assert_eq!(KeySealer::new(&folder.file()).unwrap().current(), ring.current().id());
}

#[test]
fn a_file_that_must_be_there_is_never_made() {
    let folder = Folder::new();
    let existing = KeyFile::existing(folder.path());
    refused(&existing, "no such file");
    assert_eq!(existing.rotate().unwrap_err().kind(), ErrorKind::Configuration);
    assert!(folder.names().is_empty());
    let ring = folder.file().keys().unwrap();
    assert_eq!(ids(&existing.keys().unwrap()), ids(&ring));
}

#[test]
fn a_file_that_others_may_read_or_write_is_refused_with_the_command_that_mends_it() {
    let folder = Folder::new();
    folder.file().keys().unwrap();
    for bits in [0o640, 0o604, 0o620, 0o602, 0o610, 0o644, 0o666] {
        mode(&folder.path(), bits);
        refused(&folder.file(), "chmod 600");
    }
    mode(&folder.path(), 0o400);
    folder.file().keys().unwrap();
}

#[test]
fn a_directory_where_others_may_write_is_refused_before_and_after() {
    let folder = Folder::new();
    for bits in [0o770, 0o707, 0o1777] {
        mode(&folder.0, bits);
        refused(&folder.file(), "chmod go-w");
    }
    assert!(folder.names().is_empty());
    mode(&folder.0, 0o755);
    folder.file().keys().unwrap();
    mode(&folder.0, 0o777);
    refused(&folder.file(), "chmod go-w");
}

#[test]
fn a_symbolic_link_and_what_is_no_file_are_refused() {
    let folder = Folder::new();
    let target = folder.0.join("elsewhere.key");
    symlink(&target, folder.path()).unwrap();
    refused(&folder.file(), "symbolic link");
    assert!(!target.exists(), "nothing is made where a link leads");
    KeyFile::at(&target).keys().unwrap();
    refused(&folder.file(), "symbolic link");
    fs::remove_file(folder.path()).unwrap();
    fs::create_dir(folder.path()).unwrap();
    refused(&folder.file(), "no file");
}

#[test]
fn a_directory_that_is_not_there_and_one_that_cannot_be_written_are_said() {
    let folder = Folder::new();
    refused(&KeyFile::at(folder.0.join("none/tokenturn.key")), "directory");
    refused(&KeyFile::at("/"), "file");
}

#[test]
fn half_a_file_is_refused_and_never_replaced() {
    let folder = Folder::new();
    folder.file().rotate().unwrap();
    let whole = fs::read(folder.path()).unwrap();
    for at in [0, 1, 20, 60, 120, whole.len() / 2, whole.len() - 5] {
        fs::write(folder.path(), &whole[..at]).unwrap();
        let error = refused(&folder.file(), "key file");
        assert!(!format!("{error:?}").contains(&String::from_utf8_lossy(&whole)[60..70]));
        folder.file().rotate().unwrap_err();
        folder.file().forget_replaced().unwrap_err();
        assert_eq!(fs::read(folder.path()).unwrap(), whole[..at]);
    }
}

#[test]
fn what_a_writer_that_died_left_behind_is_in_nobodys_way() {
    let folder = Folder::new();
    let left = folder.0.join(".tokenturn.key.new");
    fs::write(&left, "tokenturn keys 1\ncurrent 12").unwrap();
    let made = folder.file().keys().unwrap();
    assert!(!left.exists());
    fs::write(&left, "tokenturn keys 1\ncurrent 12").unwrap();
    assert_eq!(folder.file().rotate().unwrap().replaced()[0].id(), made.current().id());
    assert!(!left.exists());
    assert_eq!(fs::metadata(folder.path()).unwrap().mode() & 0o7777, 0o600);
}

#[test]
fn a_new_key_goes_before_those_that_were_there_and_they_go_when_told() {
    let folder = Folder::new();
    let first = folder.file().rotate().unwrap();
    let second = folder.file().rotate().unwrap();
    assert_eq!(ids(&second)[1..], ids(&first));
    assert_eq!(ids(&folder.file().keys().unwrap()), ids(&second));
    let left = folder.file().forget_replaced().unwrap();
    assert_eq!(ids(&left), ids(&second)[..1]);
    assert_eq!(ids(&folder.file().keys().unwrap()), ids(&left));
}

#[test]
fn debug_of_a_key_file_shows_no_key() {
    let folder = Folder::new();
    let file = folder.file();
    file.keys().unwrap();
    let text = fs::read_to_string(folder.path()).unwrap();
    let digits = text.lines().nth(1).unwrap().rsplit(' ').next().unwrap();
    assert!(digits.len() == 64 && !format!("{file:?}").contains(&digits[..8]));
}

/// The tests below start this one in processes of their own; alone it does nothing.
#[test]
fn child() {
    let Ok(path) = std::env::var("TOKENTURN_KEY_FILE") else { return };
    let file = KeyFile::at(path);
    let made = file.keys().unwrap();
    let new = file.rotate().unwrap();
    println!("<{} {}>", made.replaced().last().unwrap_or(made.current()).id(), new.current().id());
}

fn children(path: &Path, count: usize) -> Vec<(String, String)> {
    let start = |_| {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "child", "--nocapture"]).env("TOKENTURN_KEY_FILE", path);
        child.stdout(Stdio::piped()).spawn().unwrap()
    };
    let started: Vec<Child> = (0..count).map(start).collect();
    let answer = |child: Child| {
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{text}");
        let answer = text.split_once('<').unwrap().1.split_once('>').unwrap().0;
        let (first, new) = answer.split_once(' ').unwrap();
        (first.to_owned(), new.to_owned())
    };
    started.into_iter().map(answer).collect()
}

#[test]
fn processes_that_make_and_rotate_it_at_once_have_one_first_key_and_lose_none() {
    for _ in 0..4 {
        let folder = Folder::new();
        let answers = children(&folder.path(), 6);
        let ring = ids(&folder.file().keys().unwrap());
        let first = ring.last().unwrap().to_string();
        assert!(answers.iter().all(|(made, _)| *made == first), "{answers:?}");
        let made: BTreeSet<String> = answers.into_iter().map(|(_, new)| new).collect();
        assert_eq!(made, ring[..6].iter().map(KeyId::to_string).collect());
        assert_eq!((ring.len(), folder.names().len()), (7, 1));
    }
}
