//! Below `credentials/store`: stores, domains, and credentials with their documents.
//!
//! As `CredentialsStoreAction` of the credentials plugin does it.

use serde_json::{Map, Value, json};

use super::super::server::{Reply, Request};
use super::access::{Who, require};
use super::class::{Credential, latin1};
use super::state::{Place, State, Stored};
use super::tree::pick;
use super::{page, xml};

/// A request below a store.
pub(super) struct Visit<'a> {
    pub(super) request: &'a Request,
    pub(super) who: &'a Who,
    pub(super) folder: &'a [String],
}

impl Visit<'_> {
    pub(super) fn answer(&self, state: &mut State, path: &[&str]) -> Result<Reply, Reply> {
        let kind = if self.folder.is_empty() { "system" } else { "folder" };
        let seen = state.has(&self.who.user, "Credentials/View") && state.stores.contains_key(self.folder);
        let path = match path {
            [store, rest @ ..] if *store == kind && seen => rest,
            _ => return Err(page::not_found()),
        };
        match path {
            ["api", "json"] => Ok(page::json(&pick(&self.store(state), self.request.parameter("tree")))),
            ["createDomain"] => self.create_domain(state),
            ["domain", domain, rest @ ..] if state.domain(self.folder, domain).is_some() => {
                self.domain(state, domain, rest)
            }
            _ => Err(page::not_found()),
        }
    }

    fn domain(&self, state: &mut State, domain: &str, path: &[&str]) -> Result<Reply, Reply> {
        match path {
            ["createCredentials"] => self.create(state, domain),
            ["config.xml"] if self.request.method == "DELETE" => {
                require(state, self.who, "Credentials/ManageDomains")?;
                if let Some(store) = state.stores.get_mut(self.folder) {
                    store.domains.remove(domain);
                }
                Ok(page::done())
            }
            ["credential", id, rest @ ..] => {
                let at = Place { folder: self.folder.to_vec(), domain: domain.to_owned(), id: (*id).to_owned() };
                match (rest, state.find(&at)) {
                    ([], Some(_)) => Ok(page::redirect(self.request, &format!("{}/", self.request.path))),
                    (["config.xml"], Some(_)) => self.document(state, &at),
                    (["api", "json"], Some(stored)) => {
                        Ok(page::json(&pick(&self.described(state, stored, domain), self.request.parameter("tree"))))
                    }
                    (["api", "xml"], Some(stored)) => Ok(self.described_in_xml(state, stored, domain)),
                    _ => Err(page::not_found()),
                }
            }
            _ => Err(page::not_found()),
        }
    }

    fn document(&self, state: &mut State, at: &Place) -> Result<Reply, Reply> {
        match self.request.method.as_str() {
            "GET" => {
                let printed = state.find(at).map(|stored| stored.credential.printed()).unwrap_or_default();
                Ok(Reply::status(200).body("application/xml", latin1(&printed)))
            }
            "POST" => {
                require(state, self.who, "Credentials/Update")?;
                let credential = self.credential(state)?;
                if state.mode.read_only || credential.id() != at.id {
                    return Err(page::oops(state.next()));
                }
                if !state.mode.lying {
                    state.put(&at.folder, &at.domain, credential);
                }
                Ok(page::done())
            }
            "DELETE" => {
                require(state, self.who, "Credentials/Delete")?;
                state.remove(at);
                Ok(page::done())
            }
            _ => Err(page::bad_request(self.request)),
        }
    }

    fn create(&self, state: &mut State, domain: &str) -> Result<Reply, Reply> {
        if self.request.method != "POST" {
            return Err(page::method_not_allowed());
        }
        require(state, self.who, "Credentials/Create")?;
        if self.request.header("content-type").is_none() {
            return Err(page::bad_request(self.request));
        }
        let credential = self.credential(state)?;
        let at = Place { folder: self.folder.to_vec(), domain: domain.to_owned(), id: credential.id().to_owned() };
        if state.find(&at).is_some() {
            return Err(Reply::status(409));
        }
        state.put(self.folder, domain, credential);
        Ok(page::done())
    }

    fn create_domain(&self, state: &mut State) -> Result<Reply, Reply> {
        if self.request.method != "POST" {
            return Err(page::method_not_allowed());
        }
        require(state, self.who, "Credentials/ManageDomains")?;
        let text = xml::decoded(self.request.header("content-type"), &self.request.body);
        let root = xml::parse(&text).filter(|root| root.name == "com.cloudbees.plugins.credentials.domains.Domain");
        let name = root.and_then(|root| root.children.into_iter().find(|child| child.name == "name"));
        let Some(name) = name else {
            return Err(page::oops(state.next()));
        };
        let domains = &mut state.stores.entry(self.folder.to_vec()).or_default().domains;
        if domains.contains_key(&name.text) {
            return Err(Reply::status(409));
        }
        domains.insert(name.text, Vec::new());
        Ok(page::done())
    }

    /// The credential in the body. A form is read as a form first, and leaves nothing to parse.
    fn credential(&self, state: &mut State) -> Result<Credential, Reply> {
        let kind = self.request.header("content-type");
        let is_form = kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        let root = if is_form { None } else { xml::parse(&xml::decoded(kind, &self.request.body)) };
        root.and_then(|root| Credential::of(&root)).ok_or_else(|| page::oops(state.next()))
    }

    fn store(&self, state: &State) -> Value {
        let class = match (state.mode.read_only, self.folder) {
            (true, _) => {
                "com.cloudbees.jenkins.plugins.kubernetes_credentials_provider.KubernetesCredentialsStore$Action"
            }
            (_, []) => "com.cloudbees.plugins.credentials.SystemCredentialsProvider$UserFacingAction",
            _ => {
                "com.cloudbees.hudson.plugins.folder.properties.FolderCredentialsProvider$FolderCredentialsProperty$CredentialsStoreActionImpl"
            }
        };
        let mut domains = Map::new();
        for (name, credentials) in state.stores.get(self.folder).map(|store| &store.domains).into_iter().flatten() {
            let credentials: Vec<Value> =
                credentials.iter().map(|stored| self.described(state, stored, name)).collect();
            let class = "com.cloudbees.plugins.credentials.CredentialsStoreAction$DomainWrapper";
            let domain = json!({"_class": class, "credentials": credentials, "urlName": name});
            domains.insert(name.clone(), domain);
        }
        json!({"_class": class, "domains": domains})
    }

    fn described(&self, state: &State, stored: &Stored, domain: &str) -> Value {
        let credential = &stored.credential;
        let fingerprint =
            state.fingerprint(stored).map(|hash| json!({"_class": "hudson.model.Fingerprint", "hash": hash}));
        json!({
            "_class": "com.cloudbees.plugins.credentials.CredentialsStoreAction$CredentialsWrapper",
            "description": credential.text("description"),
            "displayName": credential.display_name(),
            "fingerprint": fingerprint,
            "fullName": self.full_name(domain, credential.id()),
            "id": credential.id(),
            "typeName": credential.class.type_name,
        })
    }

    fn described_in_xml(&self, state: &State, stored: &Stored, domain: &str) -> Reply {
        let described = self.described(state, stored, domain);
        let fields = ["description", "displayName", "fullName", "id", "typeName"];
        let field = |name: &str| {
            let text = described.get(name)?.as_str()?.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            Some(format!("<{name}>{text}</{name}>"))
        };
        let body = format!(
            "<credentialsWrapper _class='com.cloudbees.plugins.credentials.CredentialsStoreAction$CredentialsWrapper'>{}\
             </credentialsWrapper>",
            fields.iter().filter_map(|name| field(name)).collect::<String>()
        );
        page::api(Reply::status(200)).body("application/xml;charset=UTF-8", body)
    }

    fn full_name(&self, domain: &str, id: &str) -> String {
        let id: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
        let store = if self.folder.is_empty() { "system".to_owned() } else { self.folder.join("/") + "/folder" };
        format!("{store}/{domain}/{}", id.replace('+', "%20"))
    }
}
