//! The limit: a bare loop that makes the very requests that our rotation makes, K at a time, and keeps nothing.
//! `limit WORLD FLEET PLACES K DIRECTORY STEPS`; the steps are a file that the world has written down.

#![forbid(unsafe_code)]

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use tokenturn_compare::{Done, KEY, Member, Said, peak_kb};

type Whatever<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

struct Loop {
    client: Client,
    world: String,
    steps: Vec<String>,
    done: Done,
}

#[tokio::main]
async fn main() -> Whatever<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [world, fleet, _, k, directory, steps] = words.as_slice() else {
        return Err("limit WORLD FLEET PLACES K DIRECTORY STEPS".into());
    };
    let (before, done) = Done::open(std::path::Path::new(directory).join("done"))?;
    let bare = Arc::new(Loop {
        client: Client::builder().no_proxy().build()?,
        world: world.clone(),
        steps: serde_json::from_str(&std::fs::read_to_string(steps)?)?,
        done,
    });
    let fleet = Member::read(fleet.as_ref())?.filter(move |member| !before.contains(&member.name));
    let (fleet, said) = (Arc::new(Mutex::new(fleet)), Arc::new(Mutex::new(Said::default())));
    let workers: Vec<_> = (0..k.parse()?)
        .map(|_| {
            let (bare, fleet, said) = (bare.clone(), fleet.clone(), said.clone());
            tokio::spawn(async move {
                loop {
                    let next = fleet.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some(member) = next else { return };
                    let begun = Instant::now();
                    let came = bare.turn(&member).await;
                    let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
                    match came {
                        Ok(()) => {
                            said.completed += 1;
                            said.latencies_us.push(u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX));
                        }
                        Err(error) => {
                            said.failed += 1;
                            *said.problems.entry(error.to_string()).or_default() += 1;
                        }
                    }
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await?;
    }
    let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
    said.peak_kb = peak_kb();
    println!("{}", serde_json::to_string(&*said)?);
    Ok(())
}

impl Loop {
    async fn turn(&self, member: &Member) -> Whatever<()> {
        let (mut new, mut id) = (String::new(), 0);
        for step in &self.steps {
            let place = step.split(' ').nth(2).unwrap_or_default();
            let place = format!("{}places/{}/{place}", self.world, member.name);
            let own = format!("{}api/v4/personal_access_tokens/self", self.world);
            let client = &self.client;
            match step.as_str() {
                "look at the old one" => self.ask(client.get(own), &member.token, 200).await?,
                "look at the new one" => self.ask(client.get(own), &new, 200).await?,
                "look at the old one, dead" => self.ask(client.get(own), &member.token, 401).await?,
                "revoke the old one" => self.ask(client.delete(own), &member.token, 204).await?,
                "look by number" => {
                    let address = format!("{}api/v4/personal_access_tokens/{id}", self.world);
                    self.ask(client.get(address), KEY, 200).await?
                }
                "issue" => {
                    let address = format!("{}api/v4/users/{}/personal_access_tokens", self.world, member.user);
                    let name = format!("{}-next", member.name);
                    let body = json!({"name": name, "scopes": ["read_repository"], "expires_at": "2099-01-01"});
                    let made = self.ask(client.post(address).json(&body), KEY, 201).await?;
                    made["token"].as_str().unwrap_or_default().clone_into(&mut new);
                    id = made["id"].as_u64().unwrap_or_default();
                    made
                }
                step if step.starts_with("read place") => self.ask(client.get(place), KEY, 200).await?,
                step if step.starts_with("write place") => {
                    self.ask(client.put(place).json(&json!({"token": new})), KEY, 200).await?
                }
                step if step.starts_with("try place") => self.ask(client.post(place), KEY, 200).await?,
                other => return Err(format!("the loop does not know how to {other}").into()),
            };
        }
        Ok(self.done.write(&member.name)?)
    }

    async fn ask(&self, request: RequestBuilder, token: &str, status: u16) -> Whatever<Value> {
        let request = request.header("private-token", token).timeout(Duration::from_secs(30));
        let answer = request.send().await?;
        if answer.status().as_u16() != status {
            return Err(format!("{} where {status} was to come", answer.status()).into());
        }
        let body = answer.bytes().await?;
        Ok(if body.is_empty() { Value::Null } else { serde_json::from_slice(&body)? })
    }
}
