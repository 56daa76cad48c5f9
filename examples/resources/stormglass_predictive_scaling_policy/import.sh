# The target and its place; the owner in the file has to be a policy of this provider.
terraform import stormglass_predictive_scaling_policy.checkout file:/etc/scaling/checkout.json
