"""How requests come in and answers leave: who calls, bodies, conditions, pages, problems."""
