use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;
use std::process::Command;

use viva_core::audio::Audio;

const TEST: &str = "audio::users::users_of_one_group_share_a_volume_whatever_their_umask";
/// The group that owns the volume, and two users that nobody else is.
const GROUP: u32 = 54_321;
const USERS: [u32; 2] = [54_322, 54_323];

/// Makes q_1.wav hold the text; in a process of its own, as the user that it is started as.
async fn speak(volume: &Path, text: String) {
    let audio = Audio::at(volume.join("tts")).await.unwrap();
    let digest = audio.put(text.clone()).await.unwrap();
    assert!(audio.alias("q_1.wav", &digest).await.unwrap());
    assert_eq!(audio.open_alias("q_1.wav").await.unwrap().unwrap(), text);
}

#[tokio::test]
async fn users_of_one_group_share_a_volume_whatever_their_umask() {
    if let Some(volume) = std::env::var_os("VIVA_TEST_VOLUME") {
        return speak(Path::new(&volume), std::env::var("VIVA_TEST_TEXT").unwrap()).await;
    }
    let me = std::fs::metadata("/proc/self").unwrap().uid();
    if me != 0 && sudo(&["true"]) {
        let exe = std::env::current_exe().unwrap();
        assert!(sudo(&[exe.to_str().unwrap(), "--exact", TEST]), "the test fails when it is run again as root");
        return;
    }
    assert!(me == 0 || std::env::var_os("CI").is_none(), "CI must be able to act as other users: run as root, or allow sudo");
    let place = tempfile::tempdir().unwrap();
    let (volume, program) = (place.path().join("volume"), place.path().join("test"));
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    std::fs::create_dir(&volume).unwrap();
    set_mode(place.path(), 0o755);
    if me == 0 {
        chown(&volume, Some(0), Some(GROUP)).unwrap();
        set_mode(&volume, 0o2775);
        share(&program, &volume, Some(USERS));
        assert_eq!(std::fs::metadata(volume.join("tts/q_1.wav")).unwrap().gid(), GROUP);
    } else {
        eprintln!("NOT TESTED: this user cannot act as others (needs root or sudo); the modes are still looked at");
        share(&program, &volume, None);
    }
    for (name, mode) in [("tts", 0o2775), ("tts/clips", 0o2775), ("tts/q_1.wav", 0o664)] {
        let found = std::fs::metadata(volume.join(name)).unwrap().permissions().mode() & 0o7777;
        assert_eq!(found, mode, "{name}: {found:o}");
    }
}

fn share(program: &Path, volume: &Path, users: Option<[u32; 2]>) {
    let alias = volume.join("tts/q_1.wav");
    let user = |at: usize| users.map(|users| users[at]);
    // The second user moves what the first one made, and the other way round, with clips that only one of them stored.
    for (at, text) in ["one", "two", "three", "two", "one"].into_iter().enumerate() {
        run(program, volume, user(at % 2), text);
        assert!(users.is_none() || Some(std::fs::metadata(&alias).unwrap().uid()) == user(at % 2), "{text}");
    }
    // A platform's worker that left a private file in its place is no obstacle.
    std::fs::write(&alias, "private").unwrap();
    set_mode(&alias, 0o600);
    run(program, volume, user(1), "three");
}

fn run(program: &Path, volume: &Path, user: Option<u32>, text: &str) {
    let narrow = ["sh", "-c", "umask 077; exec \"$0\" \"$@\""].map(str::to_owned);
    let other = user.map(|user| ["setpriv".to_owned(), format!("--reuid={user}"), format!("--regid={GROUP}"), "--clear-groups".to_owned()]);
    let words: Vec<_> = other.into_iter().flatten().chain(narrow).collect();
    let output = Command::new(&words[0])
        .args(&words[1..])
        .arg(program)
        .args(["--exact", TEST, "--nocapture"])
        .env("VIVA_TEST_VOLUME", volume)
        .env("VIVA_TEST_TEXT", text)
        .output()
        .expect("setpriv (package util-linux) and sh start");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{user:?} {text}: {said}{}", String::from_utf8_lossy(&output.stderr));
}

fn sudo(command: &[&str]) -> bool {
    Command::new("sudo").arg("-n").args(command).output().is_ok_and(|output| output.status.success())
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}
