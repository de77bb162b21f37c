#include <bits/stdc++.h>
using namespace std;
typedef long long ll;
const ll INF = 1e18;

int main() {
    int n, m;
    scanf("%d %d", &n, &m);
    vector<vector<pair<int, ll>>> graph(n + 1);
    for (int i = 0; i < m; i++) {
        int a, b;
        ll w;
        scanf("%d %d %lld", &a, &b, &w);
        graph[a].push_back({b, w});
        graph[b].push_back({a, w});
    }
    vector<ll> dist(n + 1, INF);
    vector<int> before(n + 1, -1);
    priority_queue<pair<ll, int>, vector<pair<ll, int>>, greater<pair<ll, int>>> pq;
    pq.push({dist[1] = 0, 1});
    while (!pq.empty()) {
        auto [d, u] = pq.top();
        pq.pop();
        if (d > dist[u]) continue;
        for (auto [v, w] : graph[u])
            if (d + w < dist[v]) {
                dist[v] = d + w;
                before[v] = u;
                pq.push({dist[v], v});
            }
    }
    for (int v = 1; v <= n; v++) {
        if (dist[v] == INF) puts("unreachable");
        else {
            printf("%lld:", dist[v]);
            for (int at = v; at != -1; at = before[at]) printf(" %d", at);
            puts("");
        }
    }
}
