//! `viva up`: the gateway and its page over both workers, in one process.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use gateway::auth::{Key, Role, Tokens};
use gateway::{App, Options};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::cli::{Settings, UpArgs};
use crate::house::House;

/// For requests that are under way when somebody presses Ctrl-C.
const DRAIN: Duration = Duration::from_secs(5);

pub(crate) async fn run(args: UpArgs, settings: &Settings) -> anyhow::Result<()> {
    let tokens = args.tokens.as_deref().map_or_else(|| Ok(Tokens::default()), Tokens::read)?;
    let data = &settings.viva_data;
    std::fs::create_dir_all(data).with_context(|| format!("the folder {} cannot be made", data.display()))?;
    let listener = bind(args.listen).await?;
    let house = House::open(settings, data).await?;
    show(&house, listener, tokens, "", !args.no_browser).await?;
    house.close().await
}

/// Shows an interview until somebody presses Ctrl-C.
pub(crate) async fn serve(house: &House, listen: SocketAddr, interview_id: Option<i32>) -> anyhow::Result<()> {
    let path = interview_id.map(|id| format!("interviews/{id}")).unwrap_or_default();
    show(house, bind(listen).await?, Tokens::default(), &path, true).await
}

async fn bind(listen: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(listen).await.with_context(|| format!("{listen} cannot be listened on; choose another with --listen"))
}

async fn show(house: &House, listener: TcpListener, tokens: Tokens, path: &str, browser: bool) -> anyhow::Result<()> {
    // Whoever reads this terminal may do everything here, for as long as this process runs.
    let token = format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
    let tokens = tokens.with("viva-up", Role::Service, None, &token);
    let app =
        App::new(house.store().clone(), house.audio().clone(), tokens, Key::random(), Options { legacy_audio: true, ..Options::default() });
    let address = format!("http://{}/{path}#token={token}", listener.local_addr()?);
    println!("\n  page    {address}\n  Ctrl-C ends it.");
    if browser {
        // Where there is no desktop there is the line above.
        drop(open::that_detached(&address));
    }
    let stop = CancellationToken::new();
    let serving = tokio::spawn(gateway::serve(listener, Arc::new(app), stop.clone(), DRAIN));
    viva_worker::serve::told_to_stop().await?;
    stop.cancel();
    Ok(serving.await??)
}
