const noon = new Date("2024-07-01T12:00:00Z");
const shape = { dateStyle: "short", timeStyle: "long", hourCycle: "h23" };
for (const timeZone of ["Europe/Paris", "America/New_York", "Asia/Kolkata", "Australia/Sydney"])
  console.log(timeZone, noon.toLocaleString("en-GB", { ...shape, timeZone }));
console.log(Intl.DateTimeFormat().resolvedOptions().timeZone, noon.getHours(), noon.getTimezoneOffset());
process.env.TZ = "America/Los_Angeles";
console.log(noon.getHours(), noon.getTimezoneOffset());
console.log(noon.toLocaleDateString("fr-FR", { weekday: "long", month: "long", day: "numeric", timeZone: "UTC" }));
