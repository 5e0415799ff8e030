use super::*;

fn spec(holder: &str, renewed: i64) -> LeaseSpec {
    LeaseSpec {
        holder_identity: Some(holder.into()),
        lease_duration_seconds: Some(15),
        renew_time: Some(MicroTime(Timestamp::from_second(renewed).unwrap())),
        lease_transitions: Some(4),
        ..LeaseSpec::default()
    }
}

#[test]
fn nobody_holds_it() {
    let now = Instant::now();
    assert_eq!(evaluate(None, "me", now), Move::Create);
    let released = observe(None, &spec("", 0), now);
    assert_eq!(evaluate(Some(&released), "me", now), Move::Take);
}

#[test]
fn a_holder_that_renews_is_left_alone_whatever_its_clock_says() {
    let start = Instant::now();
    let mut seen = None;
    for n in 0..20 {
        let now = start + Duration::from_secs(10 * n);
        // Its clock is years behind: only the change counts.
        seen = Some(observe(seen, &spec("other", i64::try_from(n).unwrap()), now));
        assert_eq!(evaluate(seen.as_ref(), "me", now), Move::Wait);
    }
}

#[test]
fn a_holder_that_stands_still_for_the_duration_is_dead_and_not_before() {
    let start = Instant::now();
    let first = observe(None, &spec("other", 5), start);
    let again = observe(Some(first.clone()), &spec("other", 5), start + Duration::from_secs(14));
    assert_eq!(again, first, "the time runs from the change");
    assert_eq!(evaluate(Some(&again), "me", start + Duration::from_millis(14_999)), Move::Wait);
    assert_eq!(evaluate(Some(&again), "me", start + DURATION), Move::Take);
}

#[test]
fn our_own_is_renewed_even_after_its_end() {
    let start = Instant::now();
    let seen = observe(None, &spec("me", 5), start);
    assert_eq!(evaluate(Some(&seen), "me", start), Move::Renew);
    assert_eq!(evaluate(Some(&seen), "me", start + Duration::from_mins(1)), Move::Renew);
}

#[test]
fn taking_counts_a_transition_and_renewing_does_not() {
    let now = Timestamp::from_second(100).unwrap();
    let mut old = spec("other", 5);
    old.acquire_time = Some(MicroTime(Timestamp::from_second(1).unwrap()));
    let taken = claimed(&old, "me", Move::Take, now);
    assert_eq!((taken.holder_identity.as_deref(), taken.lease_transitions), (Some("me"), Some(5)));
    assert_eq!(taken.acquire_time, Some(MicroTime(now)));
    let later = Timestamp::from_second(102).unwrap();
    let renewed = claimed(&taken, "me", Move::Renew, later);
    assert_eq!((renewed.lease_transitions, &renewed.acquire_time), (Some(5), &taken.acquire_time));
    assert_eq!(renewed.renew_time, Some(MicroTime(later)));
}

#[test]
fn a_leader_is_gone_before_another_takes_over() {
    assert!(RENEW_DEADLINE + RETRY < DURATION);
}

mod against_an_api {
    //! What a real API server does not do at a chosen moment.

    use http::{Request, Response};
    use kube::client::Body;
    use serde_json::{Value, json};
    use tower_test::mock::Handle;

    use super::*;

    type Server = Handle<Request<Body>, Response<Body>>;

    fn elector() -> (Elector, Server) {
        let (service, handle) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
        (Elector::new(Client::new(service, "system"), "system", "lease", "me"), handle)
    }

    async fn answer(server: &mut Server, method: &str, code: u16, body: Value) -> Value {
        let (request, send) = server.next_request().await.expect("a request");
        assert_eq!(request.method().as_str(), method);
        let asked = request.into_body().collect_bytes().await.unwrap();
        send.send_response(Response::builder().status(code).body(Body::from(body.to_string().into_bytes())).unwrap());
        serde_json::from_slice(&asked).unwrap_or_default()
    }

    fn lease(spec: &LeaseSpec) -> Value {
        json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"name": "lease", "resourceVersion": "7"}, "spec": spec})
    }

    #[tokio::test]
    async fn the_slower_of_two_candidates_does_not_lead() {
        let (mut elector, mut server) = elector();
        let step = tokio::spawn(async move { elector.step().await.unwrap() });
        answer(&mut server, "GET", 200, lease(&spec("", 5))).await;
        let conflict = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 409, "reason": "Conflict", "message": "x"});
        let sent = answer(&mut server, "PUT", 409, conflict).await;
        assert_eq!(sent["metadata"]["resourceVersion"], "7", "the write is on top of what was read");
        assert!(!step.await.unwrap());
    }

    #[tokio::test]
    async fn a_free_lease_is_taken() {
        let (mut elector, mut server) = elector();
        let step = tokio::spawn(async move { elector.step().await.unwrap() });
        answer(&mut server, "GET", 200, lease(&spec("", 5))).await;
        let sent = answer(&mut server, "PUT", 200, lease(&spec("me", 6))).await;
        assert_eq!(sent["spec"]["holderIdentity"], "me");
        assert!(step.await.unwrap());
    }

    #[tokio::test]
    async fn a_leader_that_another_displaced_stops() {
        let (mut elector, mut server) = elector();
        let keep = tokio::spawn(async move { elector.keep().await });
        answer(&mut server, "GET", 200, lease(&spec("other", 9))).await;
        keep.await.unwrap();
    }
}
