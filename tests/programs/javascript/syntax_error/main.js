console.log("before");
const x = ;
