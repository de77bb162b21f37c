#pragma message "attempted"
#include "/etc/shadow"
#include "@SECRET_FILE@"
int main(void) { return 0; }
