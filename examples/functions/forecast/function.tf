output "next_day" {
  value = provider::stormglass::forecast([12, 15, 31, 14, 13, 16, 33, 15, 12, 17, 32, 16], 4, 4)
}
