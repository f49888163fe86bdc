//! ServiceCIDRs: ranges that ClusterIPs come from.

use k8s_openapi::api::networking::v1::ServiceCIDR;
use serde_json::json;

use super::Errors;
use super::addresses::cidr;

pub(super) fn validate(range: &ServiceCIDR, errors: &mut Errors) {
    let cidrs = range.spec.as_ref().and_then(|spec| spec.cidrs.as_deref());
    let cidrs = cidrs.unwrap_or_default();
    errors.at("spec", |errors| {
        if cidrs.is_empty() {
            return errors.required("cidrs", "at least one CIDR required");
        }
        if cidrs.len() > 2 {
            // Kubernetes tells the whole specification, by the names of its program's fields.
            let spec = json!({ "CIDRs": cidrs });
            return errors.invalid("cidrs", spec, "may only hold up to 2 values");
        }
        let before = errors.found.len();
        errors.each("cidrs", cidrs, |range, errors| cidr("", range, errors));
        if errors.found.len() == before
            && let [first, second] = cidrs
            && first.contains(':') == second.contains(':')
        {
            let rule =
                "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64";
            errors.invalid("cidrs", json!(cidrs), rule);
        }
    });
}
