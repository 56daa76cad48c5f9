# 950 requests a second, 100 a unit, units 70 % busy: 14.
output "units" {
  value = provider::stormglass::units_for_load(950, 100, 0.7)
}
