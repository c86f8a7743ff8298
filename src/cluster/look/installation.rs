//! Sidebox itself: its webhook configurations, what they lead to, and its settings.

use serde::Deserialize;
use serde_json::Value;

use super::{Look, elements, seen, text};
use crate::chain::seen::{Endpoint, Installation, Seen, Trouble, Used};
use crate::chain::webhooks::{Configuration, Entry, ServiceReference};
use crate::inject::settings::Settings;

const ADMISSION: &str = "/apis/admissionregistration.k8s.io/v1";

/// The key of the chart's ConfigMap.
const SETTINGS_KEY: &str = "settings.yaml";

impl Look {
    /// Looks at everything; the settings are looked for unless a person gave them.
    pub async fn installation(&self, settings: Option<Used>) -> Installation {
        let mutating = self.configurations("mutatingwebhookconfigurations").await;
        let validating = self.configurations("validatingwebhookconfigurations").await;
        let entries = all_entries(&mutating, &validating);
        let service = entries
            .iter()
            .find_map(|entry| entry.client_config.service.clone());
        let (ports, endpoints) = match &service {
            Some(service) => self.behind(service).await,
            None => (Seen::Missing, Seen::Missing),
        };
        let settings = match settings {
            Some(used) => used,
            None => self.settings(service.as_ref()).await,
        };
        let served = self.served(&entries, service.as_ref(), &endpoints).await;
        Installation {
            now: self.clock.now(),
            served,
            mutating,
            validating,
            service,
            ports,
            endpoints,
            settings,
        }
    }

    async fn configurations(&self, kind: &str) -> Seen<Vec<Configuration>> {
        let listed = self.list(&format!("{ADMISSION}/{kind}"), "").await;
        let read = |object: Value| Configuration::deserialize(&object).ok();
        seen(listed.map(|all| {
            let all = all.into_iter().filter_map(read);
            all.filter(Configuration::is_ours).collect()
        }))
    }

    async fn settings(&self, service: Option<&ServiceReference>) -> Used {
        let defaults = |place: String, trouble| Used {
            place,
            settings: Settings::default(),
            trouble: Some(trouble),
        };
        let Some(service) = service else {
            let why = "no webhook entry names a Service beside which the settings would be; \
                       name them with --config, here the defaults are taken";
            return defaults("the defaults".into(), Trouble::Hidden(why.into()));
        };
        let name = format!("{}-settings", service.name);
        let place = format!("ConfigMap {}/{name}", service.namespace);
        let path = format!("/api/v1/namespaces/{}/configmaps", service.namespace);
        let object = match seen(self.get(&path, &name).await) {
            Seen::There(object) => object,
            Seen::Missing => return defaults(place, Trouble::Missing),
            Seen::Hidden(why) => {
                let why = format!("{place}: {why}; here the defaults are taken");
                return defaults(place, Trouble::Hidden(why));
            }
        };
        let data = object.get("data").and_then(|data| data.get(SETTINGS_KEY));
        let Some(text) = data.and_then(Value::as_str) else {
            let error = format!("it has no {SETTINGS_KEY}");
            return defaults(place, Trouble::Invalid(error));
        };
        match Settings::parse(SETTINGS_KEY, text) {
            Ok(settings) => Used {
                place,
                settings,
                trouble: None,
            },
            Err(error) => defaults(place, Trouble::Invalid(error.to_string())),
        }
    }

    /// The ports of a Service, and the addresses behind the one that is called.
    async fn behind(&self, service: &ServiceReference) -> (Seen<Vec<u16>>, Seen<Vec<Endpoint>>) {
        let path = format!("/api/v1/namespaces/{}/services", service.namespace);
        let object = seen(self.get(&path, &service.name).await);
        let (ports, name) = match object {
            Seen::There(object) => {
                let all: Vec<_> = elements(&object, "/spec/ports").map(port).collect();
                let called = all.iter().find(|(number, _)| *number == service.port());
                let name = called.map(|(_, name)| name.clone());
                let numbers = all.into_iter().map(|(number, _)| number).collect();
                (Seen::There(numbers), name)
            }
            Seen::Missing => (Seen::Missing, None),
            Seen::Hidden(why) => (Seen::Hidden(why), None),
        };
        let path = format!(
            "/apis/discovery.k8s.io/v1/namespaces/{}/endpointslices",
            service.namespace
        );
        let labels = format!("kubernetes.io/service-name={}", service.name);
        let slices = self.list(&path, &labels).await;
        let endpoints = seen(slices.map(|slices| {
            let mut all: Vec<_> = slices
                .iter()
                .flat_map(|slice| endpoints(slice, name.as_deref()))
                .collect();
            all.sort_by(|a, b| a.name.cmp(&b.name));
            all
        }));
        (ports, endpoints)
    }
}

fn all_entries<'c>(
    mutating: &'c Seen<Vec<Configuration>>,
    validating: &'c Seen<Vec<Configuration>>,
) -> Vec<&'c Entry> {
    let of = |seen: &'c Seen<Vec<Configuration>>| match seen {
        Seen::There(all) => all.as_slice(),
        Seen::Missing | Seen::Hidden(_) => &[],
    };
    let all = of(mutating).iter().chain(of(validating));
    all.flat_map(Configuration::entries).collect()
}

/// Number and name of a Service's port.
fn port(port: &Value) -> (u16, String) {
    let number = port.get("port").and_then(Value::as_u64).unwrap_or_default();
    (
        u16::try_from(number).unwrap_or_default(),
        text(port, "/name").to_owned(),
    )
}

/// The addresses of a slice, with its port of that name; its first one where the Service is not known.
fn endpoints(slice: &Value, name: Option<&str>) -> Vec<Endpoint> {
    let mut ports = elements(slice, "/ports");
    let chosen = ports.find(|port| name.is_none_or(|name| text(port, "/name") == name));
    let port = chosen.and_then(|port| port.get("port")?.as_u64());
    let port = u16::try_from(port.unwrap_or_default()).unwrap_or_default();
    let one = |endpoint: &Value| {
        let address = endpoint.pointer("/addresses/0").and_then(Value::as_str)?;
        let is_pod = text(endpoint, "/targetRef/kind") == "Pod";
        let name = if is_pod {
            text(endpoint, "/targetRef/name")
        } else {
            address
        };
        // Unknown means ready (discovery.k8s.io/v1, EndpointConditions).
        let ready = endpoint.pointer("/conditions/ready") != Some(&Value::Bool(false));
        Some(Endpoint {
            name: name.to_owned(),
            address: address.to_owned(),
            port,
            ready,
            is_pod,
        })
    };
    elements(slice, "/endpoints").filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_slice_tells_its_pods_and_whether_they_are_ready() {
        let slice = json!({"ports": [{"name": "other", "port": 1}, {"name": "webhook", "port": 8443}],
            "endpoints": [
                {"addresses": ["192.0.2.1"], "conditions": {"ready": true}, "targetRef": {"kind": "Pod", "name": "a"}},
                {"addresses": ["192.0.2.2"], "conditions": {"ready": false}},
                {"addresses": ["192.0.2.3"]}]});
        let all = endpoints(&slice, Some("webhook"));
        let told: Vec<_> = all
            .iter()
            .map(|one| (one.name.as_str(), one.port, one.ready, one.is_pod))
            .collect();
        assert_eq!(
            told,
            [
                ("a", 8443, true, true),
                ("192.0.2.2", 8443, false, false),
                ("192.0.2.3", 8443, true, false)
            ]
        );
    }
}
