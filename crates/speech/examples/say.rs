//! Speaks a list of texts without a database or a queue, for measuring how well they are understood:
//! `cargo run --release -p viva-speech --example say -- MODELS ko OUT < texts.tsv`, lines of `name<TAB>text[<TAB>other spelling]`.
//! Leaves OUT/name.wav and OUT/manifest.tsv, which lists each file with its texts.

use std::fmt::Write as _;
use std::path::PathBuf;

use viva_speech::{DEFAULT_VOICE, Kokoro, KokoroFiles, Language, Utterance, wav};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("usage: say MODELS LANGUAGE OUT < texts.tsv");
    let (models, language, out): (PathBuf, Language, PathBuf) = (next()?.into(), next()?.parse()?, next()?.into());
    let file = |name| models.join(name);
    let files = KokoroFiles { model: file("kokoro-82m-int8.onnx"), voices: file("voices_ja.npz"), vocab: file("vocab.json") };
    let kokoro = Kokoro::open(&files)?;
    std::fs::create_dir_all(&out)?;
    let mut manifest = String::new();
    for line in std::io::stdin().lines() {
        let line = line?;
        let (name, texts) = line.split_once('\t').ok_or("each line is name<TAB>text")?;
        let text = texts.split('\t').next().unwrap_or(texts);
        let speech = kokoro.speak(&Utterance { text, language, voice: DEFAULT_VOICE, speed: 1.0 })?;
        wav::write_atomic(&out.join(format!("{name}.wav")), &speech)?;
        writeln!(manifest, "{name}.wav\t{texts}")?;
    }
    std::fs::write(out.join("manifest.tsv"), manifest)?;
    Ok(())
}
