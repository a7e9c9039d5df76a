//! How long the engines take for given ids, one line of JSON for each: what benches/speech/side_by_side.py reads.
//! `cargo run --release -p viva-speech --example measure -- MODELS kokoro|piper REPEATS < ids.txt`, an utterance's ids a line
//! (Piper's with their marks, Kokoro's without pads), noise off, voice jf_alpha.
//!
//! Beside the time on the clock stands the processor time: on a busy machine only that can be compared. `RAYON_NUM_THREADS` and
//! `VIVA_SIMD` choose threads and instruction set.

use std::path::{Path, PathBuf};
use std::time::Instant;

use viva_speech::vits::Manner;
use viva_speech::{Kokoro, KokoroFiles, Vits};

type Failure = Box<dyn std::error::Error>;
type Engine = Box<dyn Fn(&[u32]) -> Option<Said>>;

#[allow(clippy::disallowed_methods, reason = "a measurement, not a decision")]
fn now() -> Instant {
    Instant::now()
}

/// Seconds of processor time of all threads so far.
fn busy_s() -> f64 {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let of = |path: PathBuf| std::fs::read_to_string(path.join("schedstat")).ok()?.split(' ').next()?.parse::<f64>().ok();
    threads.filter_map(|thread| of(thread.path())).sum::<f64>() / 1e9
}

/// First audio (for a voice that streams) and the whole, in seconds of audio.
struct Said {
    first_s: f64,
    audio_s: f64,
}

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("usage: measure MODELS kokoro|piper REPEATS < ids.txt");
    let (models, engine, repeats) = (PathBuf::from(next()?), next()?, next()?.parse()?);
    let begin = now();
    let say: Engine = match engine.as_str() {
        "kokoro" => kokoro(&models)?,
        _ => piper(&models)?,
    };
    let open_s = begin.elapsed().as_secs_f64();
    for line in std::io::stdin().lines() {
        let ids = line?.split_whitespace().map(str::parse).collect::<Result<Vec<u32>, _>>()?;
        let begin = now();
        let said = say(&ids).ok_or("ids out of range")?;
        let cold_s = open_s + begin.elapsed().as_secs_f64();
        let (mut walls, mut busy, mut firsts) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..repeats {
            let (begin, before) = (now(), busy_s());
            let said = say(&ids).ok_or("ids out of range")?;
            walls.push(begin.elapsed().as_secs_f64());
            busy.push(busy_s() - before);
            firsts.push(said.first_s);
        }
        let audio_s = said.audio_s;
        println!(
            "{{\"audio_s\": {audio_s}, \"cold_s\": {cold_s}, \"wall_s\": {walls:?}, \"processor_s\": {busy:?}, \"first_s\": {firsts:?}}}"
        );
    }
    Ok(())
}

fn kokoro(models: &Path) -> Result<Engine, Failure> {
    let file = |name| models.join(name);
    let files = KokoroFiles { model: file("kokoro-82m-int8.onnx"), voices: file("voices_ja.npz"), vocab: file("vocab.json") };
    let kokoro = Kokoro::open(&files)?;
    Ok(Box::new(move |ids| {
        let begin = now();
        let samples = kokoro.model().speak(ids, &kokoro.style("jf_alpha", ids.len()).ok()?, 1.0)?;
        Some(Said { first_s: begin.elapsed().as_secs_f64(), audio_s: samples.len() as f64 / 24_000.0 })
    }))
}

fn piper(models: &Path) -> Result<Engine, Failure> {
    let joe = Vits::open(&models.join("en_US-joe-medium.onnx"))?;
    let manner = Manner { noise: 0.0, rhythm_noise: 0.0, ..joe.manner() };
    Ok(Box::new(move |ids| {
        let begin = now();
        let latent = joe.plan(ids, manner)?;
        // As a player would take it: a short first chunk, then the rest at once.
        let first = latent.frames().min(32);
        let mut samples = joe.decode(&latent, 0..first).len();
        let first_s = begin.elapsed().as_secs_f64();
        samples += joe.decode(&latent, first..latent.frames()).len();
        Some(Said { first_s, audio_s: samples as f64 / f64::from(joe.sample_rate()) })
    }))
}
