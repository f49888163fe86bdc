//! ServiceCIDRs: ranges that ClusterIPs come from.

use ipnet::IpNet;
use k8s_openapi::api::networking::v1::ServiceCIDR;
use serde_json::json;

use super::Errors;

pub(super) fn validate(range: &ServiceCIDR, errors: &mut Errors) {
    let cidrs = range.spec.as_ref().and_then(|spec| spec.cidrs.as_deref());
    let cidrs = cidrs.unwrap_or_default();
    errors.at("spec", |errors| {
        if cidrs.is_empty() {
            return errors.required("cidrs", "at least one CIDR required");
        }
        if cidrs.len() > 2 {
            errors.invalid("cidrs", json!(cidrs), "may only hold up to 2 values");
        }
        errors.each("cidrs", cidrs, |cidr, errors| {
            if cidr.parse::<IpNet>().is_err() {
                let rule = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
                errors.invalid("", cidr.as_str(), rule);
            }
        });
        let families = cidrs.iter().map(|cidr| cidr.contains(':'));
        if let ([first, second], true) = (&families.collect::<Vec<_>>()[..], cidrs.len() == 2)
            && first == second
        {
            let rule =
                "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64";
            errors.invalid("cidrs", json!(cidrs), rule);
        }
    });
}
