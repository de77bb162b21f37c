module.exports = { ...require("./circle"), ...require("./square") };
