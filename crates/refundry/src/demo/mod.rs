//! `demo`: the real server on a temporary store, driven over real HTTP; each
//! step is printed with its time and its webhook.

mod banked;
mod banked_v2;
mod browser;
mod bvnk;
mod client;
mod jws;
mod native;
mod table;
mod truelayer;

use crate::compose::Running;
use crate::config::Config;
use client::Client;
use table::Steps;

/// Runs the walk. True when every step was as expected.
pub(crate) async fn run(exit: bool, listen: &str) -> anyhow::Result<bool> {
    let folder = tempfile::tempdir()?;
    let config =
        Config { sandbox: true, data: folder.path().to_owned(), listen: listen.to_owned(), ..Config::default() };
    let running = Running::start(config).await?;
    println!("refundry {} · sandbox at {}\n", env!("CARGO_PKG_VERSION"), running.base_url);
    let text = std::fs::read_to_string(folder.path().join("sandbox.json"))?;
    let sandbox: serde_json::Value = serde_json::from_str(&text)?;
    let client = Client::new(&running.base_url, &sandbox)?;
    let mut good = true;
    good &= report("Banked v3", banked::walk(&client).await);
    good &= report("Banked v2", banked_v2::walk(&client).await);
    good &= report("TrueLayer", truelayer::walk(&client).await);
    good &= report("BVNK", bvnk::walk(&client).await);
    good &= report("Fees and four eyes", bvnk::walk_with_people(&client).await);
    good &= report("Native", native::walk(&client).await);
    if exit {
        running.stop().await;
        println!("{}", if good { "every step was as expected" } else { "a step was not as expected" });
        return Ok(good);
    }
    println!("The sandbox keeps running; credentials are in {}", folder.path().join("sandbox.json").display());
    println!("Ctrl-C ends it and removes its data.");
    tokio::signal::ctrl_c().await?;
    running.stop().await;
    Ok(good)
}

fn report(title: &str, steps: anyhow::Result<Steps>) -> bool {
    match steps {
        Ok(steps) => {
            println!("{title}\n{}\n", steps.table());
            steps.all_good()
        }
        Err(error) => {
            println!("{title}: the walk broke off: {error:#}\n");
            false
        }
    }
}
