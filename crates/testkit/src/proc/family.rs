//! Who descends from a process, as `/proc` says.
//!
//! A process group is not enough: every Postgres backend opens a session of its own.

use std::fs;

use nix::unistd::Pid;

/// The children of a process and theirs, at this moment.
pub(super) fn descendants(of: Pid) -> Vec<Pid> {
    let all = everybody();
    let mut family = vec![of];
    let mut next = 0;
    while let Some(parent) = family.get(next).copied() {
        family.extend(all.iter().filter(|(_, its)| *its == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    family.split_off(1)
}

/// Whether it still runs; a zombie does not.
pub(super) fn alive(pid: Pid) -> bool {
    stat(pid).is_some_and(|(state, _)| !matches!(state, 'Z' | 'X'))
}

fn everybody() -> Vec<(Pid, Pid)> {
    let entries = fs::read_dir("/proc").expect("/proc is there: the test kit runs on Linux");
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.map(Pid::from_raw).filter_map(|pid| stat(pid).map(|(_, parent)| (pid, parent))).collect()
}

/// Its state and its parent.
fn stat(pid: Pid) -> Option<(char, Pid)> {
    let text = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let text = String::from_utf8_lossy(&text);
    // The name stands in parentheses and may itself hold any character.
    let mut fields = text[text.rfind(')')? + 1..].split_whitespace();
    Some((fields.next()?.chars().next()?, Pid::from_raw(fields.next()?.parse().ok()?)))
}
