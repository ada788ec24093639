//! The calls that are made with a key of ours.
//!
//! Sources: "Personal access tokens API", "User tokens API", "Project access tokens API", "Group access tokens API", "Service
//! accounts API", "Offset-based pagination" (GitLab documentation); `lib/api/resource_access_tokens.rb` (GitLab's source).

use std::collections::BTreeSet;

use serde::Serialize;

use super::api::{Api, Row};
use super::holder::Holder;
use super::refusals::own_key;
use crate::error::{Error, ErrorKind, Result};
use crate::http::{Answer, Authorization, Method};
use crate::name::{Label, TokenId};
use crate::token::{Scope, ScopeSet};

/// How many rows a page has: the most that GitLab gives.
const ROWS: usize = 100;

/// So many pages are read, and no more: a list that does not end is no list.
const PAGES: usize = 50;

/// The tokens of one holder, as our key sees them.
#[derive(Clone, Debug)]
pub(super) struct Keyed {
    pub(super) api: Api,
    pub(super) key: Authorization,
    pub(super) holder: Holder,
}

#[derive(Serialize)]
struct Creation<'a> {
    name: &'a str,
    scopes: Vec<&'a str>,
    expires_at: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_level: Option<u64>,
}

impl Keyed {
    /// Makes a token. Never sent twice: there would be two.
    ///
    /// For a user, the key must be an administrator's; for a project, of a Maintainer or Owner there; for a group or its
    /// service account, of the group's Owner. Each needs the scope `api`.
    pub(super) async fn create(&self, label: &Label, scopes: &ScopeSet, expires_at: &str) -> Result<Answer> {
        let body = Creation {
            name: label.as_str(),
            scopes: scopes.iter().map(Scope::as_str).collect(),
            expires_at,
            access_level: self.holder.role().map(super::GitLabAccessLevel::number),
        };
        let path = self.holder.create();
        self.api.call(Method::Post, &borrowed(&path), &self.key).json(&body).send().await.map_err(own_key)
    }

    /// What GitLab has under this number, if anything. The same rights as making one, or `read_api` in place of `api`.
    pub(super) async fn one(&self, id: &TokenId) -> Result<Option<Row>> {
        let path = self.holder.one(id)?;
        if let Holder::ServiceAccount { .. } = self.holder {
            // There is a list, and nothing for a single one. Rows stay when their tokens are revoked.
            let rows = self.rows(None).await?;
            return Ok(rows.into_iter().find(|row| row.id.to_string() == id.as_str()));
        }
        let call = self.api.call(Method::Get, &borrowed(&path), &self.key).accepting(&[404]);
        let answer = call.send().await.map_err(own_key)?;
        if answer.status() == 404 {
            return if self.misses_the_token(&answer) { Ok(None) } else { Err(self.api.refusal(&answer)) };
        }
        let row: Row = answer.json()?;
        if self.is_foreign(&answer, &row)? {
            // An administrator's key reaches every token of the instance.
            let text = "the token with this id belongs to another user: correct the id; nothing was done to it";
            return Err(Error::new(ErrorKind::InvalidInput, text));
        }
        Ok(Some(row))
    }

    /// The live tokens of exactly this name.
    pub(super) async fn named(&self, label: &Label) -> Result<Vec<Row>> {
        let rows = self.rows(Some(label.as_str())).await?;
        Ok(rows.into_iter().filter(|row| row.name.as_deref() == Some(label.as_str()) && row.is_alive()).collect())
    }

    /// Ends the token of this number; false where there is none. Twice is the same as once. The same rights as making one.
    pub(super) async fn end(&self, id: &TokenId) -> Result<bool> {
        let path = self.holder.one(id)?;
        if matches!(self.holder, Holder::User(_)) && self.one(id).await?.is_none() {
            return Ok(false);
        }
        let call = self.api.call(Method::Delete, &borrowed(&path), &self.key).repeatable().accepting(&[404]);
        let answer = call.send().await.map_err(own_key)?;
        if answer.status() != 404 {
            return Ok(true);
        }
        // It may be the project that is not there, or hidden from our key.
        match self.one(id).await? {
            Some(row) if row.is_alive() => Err(answer.not_understood("and the token is alive")),
            _ => Ok(false),
        }
    }

    /// All rows, page by page. Pages are counted here: where an answer says that the next one is, is not looked at.
    async fn rows(&self, name: Option<&str>) -> Result<Vec<Row>> {
        let path = self.holder.list();
        let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
        for page in 1..=PAGES {
            let mut call = self.api.call(Method::Get, &borrowed(&path), &self.key);
            if let Holder::User(user) = self.holder {
                call = call.query("user_id", &user.to_string());
            }
            // It finds whatever contains the words, and an older GitLab passes over it.
            if let Some(name) = name {
                call = call.query("search", name);
            }
            let call = call.query("per_page", &ROWS.to_string()).query("page", &page.to_string());
            let answer = call.send().await.map_err(own_key)?;
            let rows: Vec<Row> = answer.json()?;
            let last = rows.len() < ROWS;
            for row in rows {
                if !self.is_foreign(&answer, &row)? && seen.insert(row.id) {
                    found.push(row);
                }
            }
            if last {
                return Ok(found);
            }
        }
        let text = format!(
            "GitLab lists more than {} tokens there, and the list may be incomplete: delete what is not needed any more",
            PAGES * ROWS
        );
        Err(Error::new(ErrorKind::Protocol, text))
    }

    /// Whether the token is what was not found, and not the project or group that it would be in.
    fn misses_the_token(&self, answer: &Answer) -> bool {
        let Some(said) = answer.json::<serde_json::Value>().ok() else { return false };
        let said = said.get("message").and_then(|message| message.as_str()).unwrap_or_default().to_ascii_lowercase();
        said.contains("access token") || (self.holder.place().is_none() && said.starts_with("404"))
    }

    /// Whether the token is of another account, where ours are an account's. One of which that is not said may be ours.
    fn is_foreign(&self, answer: &Answer, row: &Row) -> Result<bool> {
        match (self.holder.user(), row.user_id) {
            (None, _) => Ok(false),
            (Some(ours), Some(user)) => Ok(user != ours),
            (Some(_), None) => Err(answer.not_understood("it does not say whose token it is")),
        }
    }
}

fn borrowed(path: &[String]) -> Vec<&str> {
    path.iter().map(String::as_str).collect()
}
