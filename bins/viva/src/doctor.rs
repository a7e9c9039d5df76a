//! `viva doctor`: what this machine has, what it lacks, and what to do about it.

mod fleet;

use std::process::Command;

use anyhow::ensure;
use viva_core::store;

use crate::cli::Settings;

/// Looks at everything, prints a line each, and fails if something is wrong.
pub(crate) async fn run(settings: &Settings) -> anyhow::Result<()> {
    let mut problems = 0;
    let mut say = |what: &str, found: Result<String, String>| match found {
        Ok(text) => println!("ok       {what}: {text}"),
        Err(text) => {
            problems += 1;
            println!("PROBLEM  {what}: {text}");
        }
    };
    say("processor", processor());
    say("python", python());
    say("model kokoro", model(settings, "kokoro"));
    say(&format!("model {}", eval_worker::model::shown(&settings.llm)), judge(settings).await);
    let audio = settings.audio(&settings.viva_data).await;
    let place = settings.audio_url.clone().unwrap_or_else(|| settings.viva_data.join("audio").display().to_string());
    say("audio", audio.map(|_| place).map_err(|e| chain(&e)));
    say("database", database(settings).await);
    for (what, found) in fleet::look(settings).await {
        say(&what, found);
    }
    ensure!(problems == 0, "{problems} problems; each line above says what to do");
    Ok(())
}

fn processor() -> Result<String, String> {
    let cores = std::thread::available_parallelism().map_err(|e| e.to_string())?;
    #[cfg(target_arch = "x86_64")]
    let kernels = match (std::is_x86_feature_detected!("avx512f"), std::is_x86_feature_detected!("avx2")) {
        (true, _) => "AVX-512",
        (false, true) => "AVX2",
        _ => return Err(format!("{cores} cores without AVX2: everything works, slowly")),
    };
    #[cfg(not(target_arch = "x86_64"))]
    let kernels = std::env::consts::ARCH;
    Ok(format!("{cores} cores, {kernels}"))
}

/// pip brings the models that Python packages ship.
fn python() -> Result<String, String> {
    let advice = "needed to download models; apt-get install python3-pip";
    let output = Command::new("python3").args(["-m", "pip", "--version"]).output().map_err(|e| format!("python3: {e}; {advice}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let version: Vec<&str> = text.split_whitespace().take(2).collect();
    if output.status.success() { Ok(version.join(" ")) } else { Err(format!("there is no pip; {advice}")) }
}

fn model(settings: &Settings, name: &str) -> Result<String, String> {
    if let Some(path) = name.strip_prefix("gguf:") {
        return std::fs::metadata(path).map(|_| path.to_owned()).map_err(|e| format!("{path}: {e}"));
    }
    let files = settings.home().map_err(|e| e.to_string())?.path(name).map_err(|e| chain(&e))?;
    Ok(files.model().display().to_string())
}

/// The language model: a file that is there, or a server that answers.
async fn judge(settings: &Settings) -> Result<String, String> {
    if !settings.llm.starts_with("openai+") {
        let path = model(settings, &settings.llm)?;
        let facts = eval_worker::model::facts(std::path::Path::new(&path)).map_err(|e| format!("{e:#}"))?;
        return Ok(format!("{path}: {facts}"));
    }
    let (llm, home) = (settings.llm.clone(), settings.home().map_err(|e| e.to_string())?);
    let opened = tokio::task::spawn_blocking(move || eval_worker::model::open(&llm, &home).map(|engine| engine.info().name.clone()));
    opened.await.map_err(|e| e.to_string())?.map_err(|e| format!("{e:#}"))
}

async fn database(settings: &Settings) -> Result<String, String> {
    let url = settings.database_url(&settings.viva_data);
    let default = settings.viva_data.join("viva.db");
    if settings.database_url.is_none() && !matches!(default.try_exists(), Ok(true)) {
        return Ok(format!("none yet; `viva demo` and `viva migrate` make {}", default.display()));
    }
    let versions = store::versions(&url).await.map_err(|e| chain(&e))?;
    match (versions.pending.len(), versions.unknown.last()) {
        (_, Some(newer)) => Err(format!("it is newer than this program, which does not know {newer}: use the newer viva")),
        (0, None) => Ok("up to date".to_owned()),
        (n, None) => Err(format!("{n} steps behind: run `viva migrate`")),
    }
}

/// An error with its causes, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |e| e.source()).map(ToString::to_string);
    causes.collect::<Vec<_>>().join(": ")
}
