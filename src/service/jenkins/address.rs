//! Where a credential is: which store, which domain, which id.

/// The address of one credential below a Jenkins.
///
/// Source: `ViewCredentialsAction` and `CredentialsStoreAction.getUrlName` (credentials plugin).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// The folder that holds the store, outermost first; none for the store of the whole Jenkins.
    pub(super) folder: Vec<String>,
    /// `None` is the global domain.
    pub(super) domain: Option<String>,
    pub(super) id: String,
}

impl Address {
    pub(super) fn of(id: String) -> Self {
        Self { folder: Vec::new(), domain: None, id }
    }

    /// The path to its store, and this below it.
    pub(super) fn store<'a>(&'a self, rest: &[&'a str]) -> Vec<&'a str> {
        let store = if self.folder.is_empty() { "system" } else { "folder" };
        let mut path = item(&self.folder);
        path.extend(["credentials", "store", store]);
        path.extend(rest);
        path
    }

    /// The path to the credential, and this below it.
    pub(super) fn credential<'a>(&'a self, rest: &[&'a str]) -> Vec<&'a str> {
        let mut path = self.store(&["domain", self.domain_key(), "credential", &self.id]);
        path.extend(rest);
        path
    }

    /// What Jenkins calls the domain in paths and listings.
    pub(super) fn domain_key(&self) -> &str {
        self.domain.as_deref().unwrap_or("_")
    }

    /// What tells it from every other in this Jenkins, written as Jenkins writes a full name: `system/_/git-pat`.
    pub(super) fn full_name(&self) -> String {
        let store = if self.folder.is_empty() { "system".to_owned() } else { self.folder.join("/") + "/folder" };
        format!("{store}/{}/{}", self.domain_key(), self.id)
    }
}

/// The path to a job or folder of this full name.
pub(super) fn item(names: &[String]) -> Vec<&str> {
    names.iter().flat_map(|name| ["job", name.as_str()]).collect()
}

/// The names in a full name such as `team/app`.
pub(super) fn names(full_name: &str) -> Vec<String> {
    full_name.trim_matches('/').split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_found_in_the_system_store_in_a_folder_and_in_a_domain() {
        let mut address = Address::of("git-pat".into());
        let path = |address: &Address| address.credential(&["config.xml"]).join("/");
        assert_eq!(path(&address), "credentials/store/system/domain/_/credential/git-pat/config.xml");
        address.folder = names("/team/app/");
        address.domain = Some("github.com".into());
        let folder = "job/team/job/app/credentials/store/folder/domain/github.com/credential/git-pat/config.xml";
        assert_eq!(path(&address), folder);
        assert_eq!(address.full_name(), "team/app/folder/github.com/git-pat");
    }
}
