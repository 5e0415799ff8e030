//! Brings a notice to a web server, and tries again while that may help.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request, Uri, header};
use object_store::client::HttpService as _;

use super::event::{Event, MEDIA_TYPE};
use super::sign::Key;
use crate::disk::{Error, Http, Result};
use crate::source::dial::Dialler;
use crate::source::{Egress, Meter};

/// Layer of the errors of this file.
const LAYER: &str = "webhook";
/// Waits between tries of one worker; the Job makes others, later.
const PAUSES: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(4), Duration::from_secs(15), Duration::from_secs(45)];

/// What the server made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It took the notice.
    Taken,
    /// It never will: the status it gave.
    Refused(Http),
}

/// Sends an event. `key` signs it; without one it goes unsigned.
///
/// # Errors
/// `Io` where no try succeeded, and others may; `Unsupported` for an address that cannot be used.
pub async fn send(url: &str, event: &Event, key: Option<&Key>, egress: &Egress) -> Result<Answer> {
    send_within(url, event, key, egress, &PAUSES).await
}

async fn send_within(
    url: &str,
    event: &Event,
    key: Option<&Key>,
    egress: &Egress,
    pauses: &[Duration],
) -> Result<Answer> {
    let uri: Uri = url.parse().map_err(|_| Error::unsupported(LAYER, "the address cannot be used"))?;
    let body = serde_json::to_vec(event).map_err(|e| Error::unsupported(LAYER, e.to_string()))?;
    let dialler = Dialler::new(egress, &Arc::new(Meter::default()))?;
    let mut pauses = pauses.iter();
    loop {
        let error = match once(&dialler, &uri, event, key, &body).await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        let last = error.kind != crate::disk::ErrorKind::Io;
        match pauses.next().filter(|_| !last) {
            Some(pause) => tokio::time::sleep(*pause).await,
            None => return Err(error),
        }
    }
}

async fn once(dialler: &Dialler, uri: &Uri, event: &Event, key: Option<&Key>, body: &[u8]) -> Result<Answer> {
    // Each try is signed anew: a receiver refuses what was signed long ago.
    let second = jiff::Timestamp::now().as_second();
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(uri.clone())
        .header(header::CONTENT_TYPE, MEDIA_TYPE)
        .header("webhook-id", event.id.as_str())
        .header("webhook-timestamp", second);
    if let Some(key) = key {
        request = request.header("webhook-signature", key.sign(&event.id, second, body)?);
    }
    let request = request.body(body.to_vec().into()).map_err(|e| Error::unsupported(LAYER, e.to_string()))?;
    let Err(error) = dialler.call(request).await else { return Ok(Answer::Taken) };
    let mut error = Error { layer: LAYER, ..crate::source::answer::to_error(&error) };
    if error.http.is_some() && error.kind == crate::disk::ErrorKind::Io {
        "the web server does not take the notice now".clone_into(&mut error.what);
    }
    match error.http.as_deref() {
        // What the request is to blame for will not be taken the next time, but for a limit of time or rate.
        Some(http) if (400..500).contains(&http.status) && !matches!(http.status, 408 | 425 | 429) => {
            Ok(Answer::Refused(http.clone()))
        }
        _ => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;

    use axum::body::Bytes;
    use axum::extract::State;
    use http::{HeaderMap, StatusCode};

    use super::*;
    use crate::disk::ErrorKind;
    use crate::notify::event::Notice;
    use crate::worker::EgressArgs;

    #[derive(Clone, Default)]
    struct Hook {
        answers: Arc<Mutex<VecDeque<u16>>>,
        got: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
    }

    /// A server that gives these answers, then 204.
    async fn hook(answers: &[u16]) -> (Hook, String) {
        let hook = Hook::default();
        hook.answers.lock().unwrap().extend(answers);
        let answer = async |State(hook): State<Hook>, headers: HeaderMap, body: Bytes| {
            hook.got.lock().unwrap().push((headers, body));
            StatusCode::from_u16(hook.answers.lock().unwrap().pop_front().unwrap_or(204)).unwrap()
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let app = axum::Router::new().fallback(answer).with_state(hook.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        (hook, url)
    }

    fn event() -> Event {
        let data = Notice { namespace: "team".into(), name: "web".into(), ..Notice::default() };
        Event::new("id-1", "2026-11-21T10:00:00Z", true, data)
    }

    async fn sent(url: &str, key: Option<&Key>) -> Result<Answer> {
        send_within(url, &event(), key, &Egress::own_machine(), &[Duration::from_millis(1); 2]).await
    }

    #[tokio::test]
    async fn a_server_gets_the_event_with_a_signature_that_holds() {
        let (hook, url) = hook(&[]).await;
        let key = Key::parse(&"k".repeat(32)).unwrap();
        assert_eq!(sent(&url, Some(&key)).await.unwrap(), Answer::Taken);
        let (headers, body) = hook.got.lock().unwrap().remove(0);
        assert_eq!(serde_json::from_slice::<Event>(&body).unwrap(), event());
        let text = |name: &str| headers[name].to_str().unwrap().to_owned();
        assert_eq!((text("content-type"), text("webhook-id")), (MEDIA_TYPE.to_owned(), "id-1".to_owned()));
        let second: i64 = text("webhook-timestamp").parse().unwrap();
        assert!((jiff::Timestamp::now().as_second() - second).abs() < 60);
        assert_eq!(text("webhook-signature"), key.sign("id-1", second, &body).unwrap());
    }

    #[tokio::test]
    async fn trouble_is_tried_again_and_a_refusal_is_not() {
        let (hook, url) = hook(&[503, 429]).await;
        assert_eq!(sent(&url, None).await.unwrap(), Answer::Taken);
        let got = hook.got.lock().unwrap().clone();
        assert_eq!(got.len(), 3);
        assert!(got.iter().all(|(headers, body)| headers["webhook-id"] == "id-1" && *body == got[0].1));
        assert!(!got[0].0.contains_key("webhook-signature"));

        let (hook, url) = self::hook(&[410]).await;
        assert!(matches!(sent(&url, None).await.unwrap(), Answer::Refused(Http { status: 410, .. })));
        assert_eq!(hook.got.lock().unwrap().len(), 1);

        let (hook, url) = self::hook(&[500, 502, 503, 504]).await;
        let error = sent(&url, None).await.unwrap_err();
        assert_eq!((error.kind, error.layer), (ErrorKind::Io, LAYER));
        assert_eq!(hook.got.lock().unwrap().len(), 3);
    }

    #[tokio::test]
    async fn a_redirect_and_an_address_that_is_not_dialled_are_not_followed() {
        let (hook, url) = hook(&[307]).await;
        assert_eq!(sent(&url, None).await.unwrap_err().kind, ErrorKind::Unsupported);
        assert_eq!(hook.got.lock().unwrap().len(), 1);
        let worker = Egress::new(&EgressArgs { allow_insecure_endpoints: true, ..EgressArgs::default() }).unwrap();
        for address in [url.as_str(), "http://169.254.169.254/latest"] {
            let error = send_within(address, &event(), None, &worker, &[]).await.unwrap_err();
            assert!(error.what.contains("not dialled"), "{error}");
        }
        assert_eq!(hook.got.lock().unwrap().len(), 1);
    }
}
