package main

import (
	"fmt"
	"os"

	"github.com/jackc/pgx/v5"
)

func main() {
	story := readStory()
	fmt.Println("version pgx", versionOf("github.com/jackc/pgx/v5"))
	fmt.Println("version pq", versionOf("github.com/lib/pq"))
	tellPgx("pgx", story, pgx.QueryExecModeCacheStatement)
	tellPgx("pgx_cache_describe", story, pgx.QueryExecModeCacheDescribe)
	tellPgx("pgx_describe_exec", story, pgx.QueryExecModeDescribeExec)
	tellPgx("pgx_exec", story, pgx.QueryExecModeExec)
	tellPgx("pgx_simple", story, pgx.QueryExecModeSimpleProtocol)
	tellStandard("pgx_stdlib", "pgx", story)
	tellStandard("pq", "postgres", story)
	beyondPgx("pgx", story)
	beyondPq("pq", story)
	if failed {
		os.Exit(1)
	}
}
