//! The object in a cloud's own store that an import names, for the rules on links that are handed to that cloud.

use super::{Case, Finding, Grade, Judged, Verdict, shown};
use crate::api::CloudStore;
use crate::source::cloud::{Cloud, CloudObject, object};

/// The cloud whose store the object is in, by the address, else by the store's own answer.
pub fn cloud(case: &Case) -> Result<Cloud, Box<Verdict>> {
    let by_address = object(&case.request.url).map(|object| object.cloud);
    let by_answer = case.facts.source.cloud.as_deref().and_then(Cloud::of_scheme);
    by_address.or(by_answer).ok_or_else(|| {
        Box::new(Verdict::not_applicable("the cloud itself reads only its own store in the region of the import"))
    })
}

/// The store that the profile's cloud imports from.
pub fn wanted(case: &Case) -> Result<Cloud, Box<Verdict>> {
    match case.profile.store {
        Some(CloudStore::Oss) => Ok(Cloud::Oss),
        Some(CloudStore::Cos) => Ok(Cloud::Cos),
        None => Err(Box::new(Verdict::not_applicable("the profile names no store"))),
    }
}

/// A region, and where it was found.
struct Region {
    name: String,
    place: &'static str,
}

/// The region of the bucket, where anything tells it.
fn of_bucket(case: &Case) -> Option<Region> {
    let by_address = object(&case.request.url).and_then(|CloudObject { region, .. }| region);
    let of = |name: Option<String>, place| name.map(|name| Region { name, place });
    of(by_address, "spec.source.url")
        .or_else(|| of(case.request.bucket_region.clone(), "spec.source.region"))
        .or_else(|| of(case.facts.source.region.clone(), "the store's answer"))
}

/// Whether the bucket is in the region of the image. `sub` narrows the code; `asked`: only these regions ask for it.
pub fn in_region_of_image(case: &Case, sub: Option<&'static str>, asked: Option<&[&str]>) -> Judged {
    let store = wanted(case)?;
    if cloud(case)? != store {
        return Ok(Verdict::not_applicable(format!("the object is not in {}: see SourceInCloudStore", store.name())));
    }
    let Some(image) = &case.request.image_region else {
        return Ok(Verdict::missing("spec.image.region does not say where the image shall be"));
    };
    if let Some(regions) = asked
        && !regions.iter().any(|region| region.eq_ignore_ascii_case(image))
    {
        let which = regions.join(" and ");
        return Ok(Verdict::not_applicable(format!("only {which} ask for it, and the image goes to {}", shown(image))));
    }
    let Some(bucket) = of_bucket(case) else {
        return Ok(Verdict::missing("neither address nor store tells the bucket's region; spec.source.region does"));
    };
    let finding = Finding::default()
        .seen(format!("the bucket is in {}", shown(&bucket.name)), bucket.place)
        .seen(format!("the image goes to {}", shown(image)), "spec.image.region");
    let both = format!("the bucket is in {} ({})", shown(&bucket.name), bucket.place);
    if bucket.name.eq_ignore_ascii_case(image) {
        return Ok(Finding { message: format!("{both}, where the image shall be"), ..finding }.pass());
    }
    let finding = Finding { message: format!("{both}, and the image shall be in {}", shown(image)), sub, ..finding };
    let remedy = format!(
        "Copy the object to a bucket in {}, and import it from there, or set spec.image.region to {}.",
        shown(image),
        shown(&bucket.name)
    );
    Ok(finding.remedy(remedy).fail(Grade::Breach))
}
