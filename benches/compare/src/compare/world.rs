//! The world, as who watches it sees it.

use std::process::Stdio;
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokenturn_compare::{Counts, Setting, Truth};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::Whatever;

pub(crate) struct World {
    pub(crate) address: String,
    client: reqwest::Client,
    _process: Child,
}

impl World {
    pub(crate) async fn start(bins: &std::path::Path) -> Whatever<Self> {
        let mut process =
            Command::new(bins.join("world")).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let mut lines = BufReader::new(process.stdout.take().ok_or("the world is mute")?).lines();
        let address = format!("{}/", lines.next_line().await?.ok_or("the world did not start")?);
        Ok(Self { address, client: reqwest::Client::builder().no_proxy().build()?, _process: process })
    }

    /// A new world: the fleet's file in its own words.
    pub(crate) async fn set(&self, setting: &Setting) -> Whatever<String> {
        let answer = self.client.post(format!("{}world/set", self.address)).json(setting).send().await?;
        Ok(answer.error_for_status()?.text().await?)
    }

    pub(crate) async fn counts(&self) -> Whatever<Counts> {
        self.ask("counts").await
    }

    /// The truth, once nothing is under way.
    pub(crate) async fn truth(&self) -> Whatever<Truth> {
        while self.counts().await?.in_flight > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.ask("truth").await
    }

    async fn ask<T: DeserializeOwned>(&self, what: &str) -> Whatever<T> {
        Ok(self.client.get(format!("{}world/{what}", self.address)).send().await?.json().await?)
    }
}
