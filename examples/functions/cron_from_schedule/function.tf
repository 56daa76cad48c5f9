output "crons" {
  value = provider::stormglass::cron_from_schedule({
    "1 Mon" = "00:00 2  07:30 9  19:00 5"
    "2 Tue" = "00:00 5  07:30 9  19:00 5"
    "6 Sat" = "00:00 2"
  }, "Europe/Berlin")
}
