//! `tts-worker say`: texts into files.

use std::path::{Component, Path, PathBuf};

use anyhow::Context as _;
use serde_json::{Value, json};
use viva_core::{Clock as _, SystemClock};
use viva_speech::audio::{Format, Output};
use viva_speech::text::Dictionary;
use viva_speech::wav;

use crate::cli::SayArgs;
use crate::{Error, Recipe, Studio, house};

/// A text and the file it goes to.
#[derive(Debug, PartialEq)]
struct Line {
    name: String,
    path: PathBuf,
    text: String,
}

pub(crate) async fn run(args: &SayArgs) -> anyhow::Result<()> {
    let lines = lines(args)?;
    let dictionary = house::dictionary(args.dictionary.as_deref())?;
    if let [only] = lines.as_slice() {
        // A bad text is refused before anything is opened or fetched.
        recipe(args, only, &dictionary)?;
    }
    let studio = house::studio(house::store(&args.store).await?, &args.store, &args.models).await?;
    let mut failures = 0;
    for line in &lines {
        match say(&studio, recipe(args, line, &dictionary), line).await {
            Ok(said) => println!("{said}"),
            Err(error) if args.manifest.is_none() => return Err(error.into()),
            Err(error) => {
                failures += 1;
                println!("{}", json!({ "name": line.name, "error": error.to_string() }));
            }
        }
    }
    anyhow::ensure!(failures == 0, "{failures} of {} texts could not be spoken; their lines say why", lines.len());
    Ok(())
}

fn recipe(args: &SayArgs, line: &Line, dictionary: &Dictionary) -> Result<Recipe, Error> {
    let format = args.format.map_or_else(|| ending(&line.path), Ok)?;
    let output = Output::new(format, args.sample_rate)?;
    Ok(Recipe::new(&line.text, &args.language, &args.voice, args.speed, dictionary)?.written_as(output))
}

/// The format that a file's ending asks for; WAV where it has none.
fn ending(path: &Path) -> Result<Format, Error> {
    Ok(path.extension().map_or(Ok(Format::Wav), |ending| Format::of_extension(&ending.to_string_lossy()))?)
}

/// Speaks or finds one text, writes its file, and describes it.
async fn say(studio: &Studio, recipe: Result<Recipe, Error>, line: &Line) -> Result<Value, Error> {
    let begin = SystemClock.monotonic();
    let made = studio.clip(&recipe?).await?;
    let (digest, path) = (made.clip.digest.clone(), line.path.clone());
    let bytes = studio.audio().open(&digest).await?.ok_or(viva_core::audio::Error::Missing(digest))?;
    tokio::task::spawn_blocking(move || wav::write_bytes(&path, &bytes)).await.map_err(|_| Error::Crashed)??;
    let wall = SystemClock.monotonic().since(begin);
    Ok(json!({
        "name": line.name,
        "audio_s": (made.clip.duration_ms).round() / 1e3,
        "wall_ms": (wall.as_secs_f64() * 1e4).round() / 10.0,
        "cached": made.cached,
    }))
}

fn lines(args: &SayArgs) -> anyhow::Result<Vec<Line>> {
    let Some(manifest) = &args.manifest else {
        let name = args.out.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = name.with_context(|| format!("--out {} names no file", args.out.display()))?;
        return Ok(vec![Line { name, path: args.out.clone(), text: args.text.clone().unwrap_or_default() }]);
    };
    let text = std::fs::read_to_string(manifest).with_context(|| format!("cannot read the manifest {}", manifest.display()))?;
    std::fs::create_dir_all(&args.out).with_context(|| format!("cannot make the folder {}", args.out.display()))?;
    parse(&text, &args.out, args.format.unwrap_or_default()).with_context(|| format!("in the manifest {}", manifest.display()))
}

fn parse(manifest: &str, out: &Path, format: Format) -> anyhow::Result<Vec<Line>> {
    let mut lines = Vec::new();
    for (number, line) in manifest.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let number = number + 1;
        let (name, text) = line.split_once('\t').with_context(|| format!("line {number} has no tab: write name<TAB>text"))?;
        let mut parts = Path::new(name).components();
        let plain = matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None));
        anyhow::ensure!(plain, "line {number}: {name:?} is not a plain file name");
        let file = if Path::new(name).extension().is_some() { name.to_owned() } else { format!("{name}.{}", format.extension()) };
        lines.push(Line { name: name.to_owned(), path: out.join(file), text: text.to_owned() });
    }
    anyhow::ensure!(!lines.is_empty(), "there is no line: write name<TAB>text on each");
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_get_an_extension_and_stay_in_the_folder() {
        let lines = parse("a\t하나\n\nb.wav\t둘\n", Path::new("out"), Format::Wav).expect("two lines");
        let paths: Vec<_> = lines.iter().map(|line| line.path.to_string_lossy()).collect();
        assert_eq!(paths, ["out/a.wav", "out/b.wav"]);
        for bad in ["../a\tx", "/a\tx", "a/b\tx", "..\tx", "\tx"] {
            assert!(parse(bad, Path::new("out"), Format::Wav).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_line_without_a_tab_is_named() {
        let error = parse("a\t하나\nb 둘", Path::new("out"), Format::Wav).expect_err("no tab").to_string();
        assert!(error.contains("line 2 has no tab"), "{error}");
    }
}
